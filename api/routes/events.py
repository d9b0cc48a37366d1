"""What visitors did; visitors who want to be forgotten."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from api import metrics, queries
from api.access import EVENTS
from api.guards import needs
from api.problems import invalid
from api.routes.described import answers
from api.service import REPAIR, Service, reply
from api.work import worked_out
from endcap.errors import UserInputError
from endcap.ports import VisitorEvent
from endcap.use_cases.erase_user import erase_user
from endcap.use_cases.record_events import Recorded, record_events

_EVENT = TypeAdapter(queries.Event)


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes."""
    work = worked_out(service)
    guards = [Depends(needs(service, EVENTS))]

    @app.post(
        "/v1/events",
        responses=answers("EventsReply", 413, 415, 422, 503),
        dependencies=guards,
        tags=["events"],
    )
    @work
    def record(body: queries.OneOrManyEvents) -> Response:
        """Record one event, or up to 500; of many, each is accepted or refused alone.

        An accepted event is durable, and the user's next request knows it. Sending one again is
        safe. 503: nothing was acknowledged, so send all of it again.
        """
        if isinstance(body, queries.EventBatch):
            told = _record_many(service, body.events)
        else:
            told = _record_one(service, body)
        for outcome in ("accepted", "refused"):
            service.metrics.tell(metrics.EVENTS, outcome, value=told[outcome])
        return reply(told)

    @app.delete(
        "/v1/users/{user_id}",
        responses=answers("Erased", 422, 503),
        dependencies=guards,
        tags=["events"],
    )
    @work
    def erase(
        user_id: Annotated[queries.Id, Path(description="The shop's id of the user.")],
    ) -> Response:
        """Erase a user's history at once, and queue the erasure from the log.

        While the store of histories is away, that is queued as well.
        """
        is_erased = erase_user(user_id, service.log, service.history, now_ms=service.now())
        return reply({"status": "erased" if is_erased else "queued"})


def _record_one(service: Service, body: queries.Event) -> dict[str, Any]:
    event = body.to_visitor_event(service.now())
    recorded = _record(service, [event])
    (refusal,) = recorded.refusals
    if refusal is not None:
        raise UserInputError(refusal)
    return _told(recorded, [_result(event.event_id, None)])


def _record_many(service: Service, entries: Sequence[object]) -> dict[str, Any]:
    now_ms = service.now()
    results: list[dict[str, Any]] = [{}] * len(entries)
    events: dict[int, VisitorEvent] = {}
    for place, entry in enumerate(entries):
        try:
            events[place] = _EVENT.validate_python(entry).to_visitor_event(now_ms)
        except ValidationError as exc:
            fields = invalid(exc.errors(include_url=False, include_context=False))
            results[place] = _result(_id_of(entry), fields["detail"])
    recorded = _record(service, list(events.values()))
    for (place, event), refusal in zip(events.items(), recorded.refusals, strict=True):
        results[place] = _result(event.event_id, refusal)
    return _told(recorded, results)


def _record(service: Service, events: Sequence[VisitorEvent]) -> Recorded:
    live = service.models.current
    recorded = record_events(
        events,
        service.log,
        service.history,
        now_ms=service.now(),
        event_types=None if live is None else live.model.event_types,
    )
    if recorded.history_pending:
        service.background.ask(REPAIR)
    return recorded


def _told(recorded: Recorded, results: list[dict[str, Any]]) -> dict[str, Any]:
    n_refused = sum(result["status"] == "refused" for result in results)
    return {
        "accepted": len(results) - n_refused,
        "refused": n_refused,
        "history": "pending" if recorded.history_pending else "updated",
        "results": results,
    }


def _result(event_id: str | None, refusal: str | None) -> dict[str, Any]:
    status = "accepted" if refusal is None else "refused"
    return {"event_id": event_id, "status": status, "reason": refusal}


def _id_of(entry: object) -> str | None:
    event_id = entry.get("event_id") if isinstance(entry, dict) else None
    return event_id if isinstance(event_id, str) else None
