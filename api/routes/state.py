"""Health and metrics."""

from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse, Response

from api.access import READ
from api.guards import needs
from api.metrics import CONTENT_TYPE
from api.problems import problem, problem_response
from api.routes.described import answer, problems, refusal
from api.service import Service, reply
from api.work import worked_out


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)

    @app.get("/v1/health/live", responses={200: answer("Alive")}, tags=["state"])
    @work
    def live() -> Response:
        """Answer, if the process can."""
        return reply({"status": "ok"})

    @app.get(
        "/v1/health/ready",
        responses={200: answer("Ready"), 503: refusal(503)},
        tags=["state"],
    )
    @work
    def ready() -> Response:
        """Tell whether answers are as they should be. 503: there is no model to answer with."""
        status = service.models.status
        found = [] if status.problem is None else [status.problem]
        if service.history.is_resting:
            found.append("the history store does not answer")
        if status.serving is None:
            return problem_response(problem(503, "no model could be loaded", problems=found))
        fields = {
            "status": "degraded" if found else "ok",
            "serving": status.serving,
            "champion": status.champion,
            "problems": found,
        }
        return reply(fields)

    @app.get(
        "/v1/metrics",
        response_class=PlainTextResponse,
        responses=problems(),
        dependencies=[Depends(needs(service, READ))],
        tags=["state"],
    )
    @work
    def metrics() -> Response:
        """Return this process's numbers in the Prometheus text format."""
        text = service.metrics.to_text(service.models.status, now_ms=service.now())
        return Response(text, media_type=CONTENT_TYPE)
