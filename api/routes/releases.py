"""Models: list them, make one the champion, go back. For operators."""

from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Path, Query
from starlette.responses import Response

from api import queries
from api.access import OPERATE
from api.guards import needs
from api.routes.described import answers
from api.service import REFRESH, Service, instant, reply
from api.work import worked_out
from endcap.registry.promotion import Champion
from endcap.use_cases.read_models import read_models
from endcap.use_cases.release_models import promote_version, roll_back_to

_SHOWN = ("version", "cut", "champion", "digest", "metrics", "problem")


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)
    guards = [Depends(needs(service, OPERATE))]

    @app.get(
        "/v1/models",
        responses=answers("Models", 409, 422, 503),
        dependencies=guards,
        tags=["models"],
    )
    @work
    def list_models(
        limit: Annotated[
            int, Query(ge=1, le=queries.MOST_MODELS, description="Models at most, the newest.")
        ] = queries.MOST_MODELS,
    ) -> Response:
        """List the models of the lake, newest data first."""
        models = read_models(service.lake, newest=limit)
        status = service.models.status
        shown = [{name: model[name] for name in _SHOWN} for model in models]
        return reply({"serving": status.serving, "problem": status.problem, "models": shown})

    @app.post(
        "/v1/models/{version}/promote",
        responses=answers("ChampionReply", 404, 409, 422, 503),
        dependencies=guards,
        tags=["models"],
    )
    @work
    def promote(
        version: Annotated[queries.Version, Path(description="As `GET /v1/models` shows it.")],
    ) -> Response:
        """Make a model the champion, whatever the gate said of it. Served within seconds."""
        record = promote_version(
            service.lake, version, reason="promoted through the API", now_ms=service.now()
        )
        return _released(service, record)

    @app.post(
        "/v1/models/rollback",
        responses=answers("ChampionReply", 404, 409, 413, 415, 422, 503),
        dependencies=guards,
        tags=["models"],
    )
    @work
    def roll_back(
        body: Annotated[queries.RollbackRequest | None, Body()] = None,
    ) -> Response:
        """Serve an earlier model again: the one that the champion replaced, or the one named."""
        asked = body or queries.RollbackRequest()
        record = roll_back_to(
            service.lake, asked.version, reason=asked.reason, now_ms=service.now()
        )
        return _released(service, record)


def _released(service: Service, record: Champion) -> Response:
    service.background.ask(REFRESH)
    fields: dict[str, Any] = {
        "version": record.version,
        "promoted_from": record.promoted_from,
        "promoted_at": instant(record.promoted_at_ms),
        "reasons": list(record.reasons),
    }
    return reply(fields)
