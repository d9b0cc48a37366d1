"""Dependencies of the routes: may this caller do this, and with which model."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Header, Request

from api import queries
from api.access import OPERATE, AccessError
from api.service import Service

MODEL_VERSION: Final = "X-Model-Version"

Guard = Callable[..., Awaitable[None]]


def needs(service: Service, wanted: str) -> Guard:
    """Return a dependency that lets callers with the scope `wanted` pass."""

    async def guard(request: Request) -> None:
        _check(service, request, wanted)

    return guard


def pinned(service: Service) -> Callable[..., Awaitable[str | None]]:
    """Return a dependency that gives the version a caller with ``operate`` names, or None."""

    async def version(
        request: Request,
        x_model_version: Annotated[
            queries.Version | None,
            Header(
                description="Answer with this model, for debugging; needs the scope `operate`.",
            ),
        ] = None,
    ) -> str | None:
        if x_model_version is not None:
            _check(service, request, OPERATE)
        return x_model_version

    return version


def _check(service: Service, request: Request, wanted: str) -> None:
    scopes = service.door.scopes_of(request.scope)
    if wanted not in scopes:
        raise AccessError(403, f"this needs the scope {wanted!r}")
