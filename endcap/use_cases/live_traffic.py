"""What the record log tells of a window of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from endcap.ports import EVENTS, EXPOSURES, RecordLog, VisitorEvent

_FIELDS: Final = tuple(VisitorEvent.__dataclass_fields__)


@dataclass(frozen=True)
class Exposure:
    """What a visitor was shown, and when (UTC epoch ms)."""

    recommendation_id: str
    user_id: str | None
    items: frozenset[str]
    shown_ms: int


def read_events(log: RecordLog, *, since_ms: int, until_ms: int) -> list[VisitorEvent]:
    """Return the events of a window, each once, by visitor and then time.

    The window is of when they happened; one that was told later is found if it was told in time.
    Raises `RecordLogUnavailableError`.
    """
    first: dict[tuple[str, str], VisitorEvent] = {}
    for record in log.read(EVENTS, since_ms=since_ms):
        given: dict[str, Any] = {name: record.fields.get(name) for name in _FIELDS}
        event = VisitorEvent(**given)
        if since_ms <= event.time_ms < until_ms:
            first.setdefault((event.user_id, event.event_id), event)
    return sorted(first.values(), key=lambda event: (event.user_id, event.time_ms, event.event_id))


def read_exposures(log: RecordLog, *, since_ms: int, until_ms: int) -> Iterator[Exposure]:
    """Yield what was shown in a window, each answer once. Raises `RecordLogUnavailableError`."""
    seen: set[str] = set()
    for record in log.read(EXPOSURES, since_ms=since_ms):
        fields = record.fields
        name = str(fields["recommendation_id"])
        if record.received_ms < until_ms and name not in seen:
            seen.add(name)
            yield Exposure(name, fields["user_id"], frozenset(fields["items"]), record.received_ms)
