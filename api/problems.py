"""Errors as problem details, RFC 9457: one shape for whatever goes wrong."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import AccessError
from endcap.errors import (
    ConfigError,
    ConflictError,
    CorruptArtifactError,
    EndcapError,
    LakeError,
    NotFoundError,
    ServiceError,
    UserInputError,
)

_LOG: Final = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
JSON: Final = "application/json"
RETRY_AFTER_SECONDS: Final = 1
MOST_COMPLAINTS: Final = 20

_STATUS: Final[Sequence[tuple[type[EndcapError], int]]] = (
    (NotFoundError, 404),
    # A model that another release made; nothing in a request is a configuration.
    (ConfigError, 409),
    (UserInputError, 422),
    (ConflictError, 409),
    (CorruptArtifactError, 409),
    (LakeError, 503),
    (ServiceError, 503),
)
"""The first that fits. What is none of these is a defect."""


def status_of(error: EndcapError) -> int:
    """Return the HTTP status that an error of ours stands for."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(status: int, detail: str, **more: object) -> dict[str, Any]:
    """Return a problem's fields; `more` are its own beside the standard's."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}


def problem_of(error: EndcapError) -> dict[str, Any]:
    """Return the fields of an error of ours."""
    return problem(status_of(error), str(error))


def problem_response(
    fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem as an answer."""
    more = dict(headers or {})
    if fields["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        more["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if fields["status"] == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(fields), int(fields["status"]), more, MEDIA_TYPE)


def invalid(errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the problem of a request that is not as the OpenAPI document says.

    What was sent is not repeated: it may hold personal ids. A request can be wrong in nearly as
    many places as it has bytes; the first `MOST_COMPLAINTS` are told.
    """
    complaints = [
        {"at": "/".join(map(str, error["loc"])) or "(all of it)", "complaint": error["msg"]}
        for error in errors[:MOST_COMPLAINTS]
    ]
    first = complaints[0]
    return problem(422, f"{first['at']}: {first['complaint']}", errors=complaints)


def _tells_json(request: Request) -> bool:
    """Whether a body is said to be JSON; one that is not was not read as such."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


def add_problems(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    @app.exception_handler(EndcapError)
    async def of_ours(_: Request, error: EndcapError) -> Response:
        fields = problem_of(error)
        if fields["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("%s: %s", type(error).__name__, error)
        return problem_response(fields)

    @app.exception_handler(AccessError)
    async def of_access(_: Request, error: AccessError) -> Response:
        return problem_response(problem(error.status, str(error)))

    @app.exception_handler(RequestValidationError)
    async def of_requests(request: Request, error: RequestValidationError) -> Response:
        errors = error.errors()
        if not _tells_json(request) and any(found["loc"][0] == "body" for found in errors):
            return problem_response(problem(415, f"a body is JSON: send Content-Type: {JSON}"))
        return problem_response(invalid(errors))

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.BAD_REQUEST:
            # FastAPI's own, for bytes that are no text: to a caller the same as text that is no
            # JSON, and so the same status.
            return problem_response(invalid([{"loc": ["body"], "msg": "JSON decode error"}]))
        return problem_response(problem(error.status_code, str(error.detail)), error.headers)

    @app.exception_handler(Exception)
    async def of_defects(_: Request, error: Exception) -> Response:
        _LOG.error("a defect", exc_info=error)
        return problem_response(problem(500, "the service has a defect; its log says which"))
