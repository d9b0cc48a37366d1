"""The latest reports on the model and on the data."""

from fastapi import Depends, FastAPI
from starlette.responses import Response

from api.access import READ
from api.guards import needs
from api.routes.described import answers
from api.service import Service, reply
from api.work import worked_out
from endcap.use_cases.read_reports import DRIFT, PERFORMANCE, TRAFFIC, read_report


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)
    guards = [Depends(needs(service, READ))]

    @app.get(
        "/v1/monitoring/performance",
        responses=answers("PerformanceReply", 404, 409, 503),
        dependencies=guards,
        tags=["monitoring"],
    )
    @work
    def performance() -> Response:
        """Return the scoreboard of the run that finished its evaluation last."""
        return reply({"report": read_report(service.lake, PERFORMANCE)})

    @app.get(
        "/v1/monitoring/drift",
        responses=answers("DriftReply", 404, 409, 503),
        dependencies=guards,
        tags=["monitoring"],
    )
    @work
    def drift() -> Response:
        """Return the last report on how far the data have drifted."""
        return reply({"report": read_report(service.lake, DRIFT)})

    @app.get(
        "/v1/monitoring/traffic",
        responses=answers("TrafficReply", 404, 409, 503),
        dependencies=guards,
        tags=["monitoring"],
    )
    @work
    def traffic() -> Response:
        """Return what monitoring last measured of events, answers that were followed, and ages."""
        return reply({"report": read_report(service.lake, TRAFFIC)})
