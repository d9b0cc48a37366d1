"""Recommendations: for a user, for a session, for many; and a list put in a visitor's order."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Path, Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from api import queries
from api.access import READ
from api.admission import note
from api.guards import needs, pinned
from api.logs import pseudonym
from api.problems import invalid, problem_of
from api.routes.described import answers
from api.service import Service, answer_fields, reply
from api.work import worked_out
from endcap.errors import EndcapError
from endcap.serving.ladder import IMPERSONAL
from endcap.serving.wishes import Wish
from endcap.use_cases.answer_visitors import Answer, Visit
from endcap.use_cases.live_models import LiveModel
from endcap.use_cases.rank_items import rank_items

_REQUEST = TypeAdapter(queries.RecommendationRequest)
_TOO_MUCH_TO_EXPLAIN: Final = {
    "loc": ["explain"],
    "msg": f"A batch explains at most {queries.MOST_EXPLAINED} items in all",
}


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)
    guards = [Depends(needs(service, READ))]
    version = Depends(pinned(service))

    @app.get(
        "/v1/users/{user_id}/recommendations",
        responses=answers("Recommendations", 404, 409, 422, 503),
        dependencies=guards,
        tags=["recommendations"],
    )
    @work
    def recommend_to_user(
        request: Request,
        user_id: Annotated[queries.Id, Path(description="The shop's id of the user.")],
        query: Annotated[queries.Query, Query()],
        model: Annotated[str | None, version],
    ) -> Response:
        """Recommend items to a user, by the history that this service keeps."""
        visit = Visit(user_id, wish=query.to_wish(), explained=query.explain)
        return _one(service, request, visit, service.live(model))

    @app.post(
        "/v1/recommendations",
        responses=answers("Recommendations", 404, 409, 413, 415, 422, 503),
        dependencies=guards,
        tags=["recommendations"],
    )
    @work
    def recommend_to_visitor(
        request: Request,
        body: queries.RecommendationRequest,
        model: Annotated[str | None, version],
    ) -> Response:
        """Recommend items to a visitor, by what is told here and what is kept of the user."""
        return _one(service, request, _visit(body), service.live(model))

    @app.post(
        "/v1/recommendations/batch",
        responses=answers("BatchReply", 404, 409, 413, 415, 422, 503),
        dependencies=guards,
        tags=["recommendations"],
    )
    @work
    def recommend_to_many(
        body: queries.BatchRequest, model: Annotated[str | None, version]
    ) -> Response:
        """Answer up to 100 visitors; an entry that is wrong fails alone.

        Past 200 items that are to be explained, entries that ask for explanations are wrong.
        """
        return reply({"results": _many(service, body.requests, service.live(model))})

    @app.post(
        "/v1/rank",
        responses=answers("Ranking", 404, 409, 413, 415, 422, 503),
        dependencies=guards,
        tags=["recommendations"],
    )
    @work
    def rank(
        request: Request, body: queries.RankRequest, model: Annotated[str | None, version]
    ) -> Response:
        """Put a given list of items in a visitor's order; no rule holds, no known item is lost."""
        wish = Wish(
            confidence=body.confidence, outcome=body.outcome, boosts=tuple(body.boosts.items())
        )
        events = tuple(event.to_given() for event in body.events)
        visit = Visit(body.user_id, events, wish)
        ranking = rank_items(service.reception, visit, body.items, service.live(model))
        fields = _shown(service, request, ranking.answer)
        return reply({**fields, "unknown_items": ranking.unknown_items})


def _visit(body: queries.RecommendationRequest) -> Visit:
    events = tuple(event.to_given() for event in body.events)
    wish = body.to_wish(tuple(body.boosts.items()))
    return Visit(body.user_id, events, wish, explained=body.explain)


def _one(service: Service, request: Request, visit: Visit, live: LiveModel | None) -> Response:
    (answer,) = service.reception.answer([visit], live)
    if isinstance(answer, EndcapError):
        raise answer
    return reply(_shown(service, request, answer))


def _shown(service: Service, request: Request, answer: Answer) -> dict[str, Any]:
    """Return the answer's fields, after what is counted, kept and logged of it."""
    service.shown([answer])
    note(
        request.scope,
        recommendation_id=answer.recommendation_id,
        model_version=answer.model_version,
        user=None if answer.user_id is None else pseudonym(answer.user_id, service.log_key),
        degraded=list(answer.degraded),
        fallback_share=_fallback_share(answer),
    )
    return answer_fields(answer)


def _fallback_share(answer: Answer) -> float:
    """Return the share of items that anybody would be shown; 1 where there are no items."""
    impersonal = sum(item["source"] in IMPERSONAL for item in answer.items)
    return impersonal / len(answer.items) if answer.items else 1.0


def _many(
    service: Service, entries: Sequence[object], live: LiveModel | None
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [{}] * len(entries)
    visits: dict[int, Visit] = {}
    n_explained = 0
    for place, entry in enumerate(entries):
        try:
            asked = _REQUEST.validate_python(entry)
        except ValidationError as exc:
            fields = invalid(exc.errors(include_url=False, include_context=False))
            results[place] = _failed(fields)
            continue
        n_explained += asked.k if asked.explain else 0
        if asked.explain and n_explained > queries.MOST_EXPLAINED:
            results[place] = _failed(invalid([_TOO_MUCH_TO_EXPLAIN]))
        else:
            visits[place] = _visit(asked)
    answers = service.reception.answer(list(visits.values()), live)
    for place, answer in zip(visits, answers, strict=True):
        if isinstance(answer, EndcapError):
            results[place] = _failed(problem_of(answer))
        else:
            results[place] = {"status": 200, "recommendations": answer_fields(answer)}
    service.shown([answer for answer in answers if isinstance(answer, Answer)])
    return results


def _failed(fields: dict[str, Any]) -> dict[str, Any]:
    return {"status": fields["status"], "problem": fields}
