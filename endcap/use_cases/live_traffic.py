"""What the record log tells of a window of time."""

import hashlib
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


def iter_events(log: RecordLog, *, since_ms: int, until_ms: int) -> Iterator[VisitorEvent]:
    """Yield the events of a window, each once: of equal ids of a visitor the first that is read.

    The window is of when they happened; one that was told later is found if it was told in time.
    Of each event 16 bytes are remembered, so a long log fits. Raises `RecordLogUnavailableError`.
    """
    seen: set[bytes] = set()
    for record in log.read(EVENTS, since_ms=since_ms):
        given: dict[str, Any] = {name: record.fields.get(name) for name in _FIELDS}
        event = VisitorEvent(**given)
        if since_ms <= event.time_ms < until_ms:
            name = f"{len(event.user_id)} {event.user_id}{event.event_id}".encode()
            digest = hashlib.blake2b(name, digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                yield event


def to_fields(event: VisitorEvent) -> dict[str, Any]:
    """Return what an event tells, by field, as plain JSON."""
    return {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}


def read_events(log: RecordLog, *, since_ms: int, until_ms: int) -> list[VisitorEvent]:
    """Return what `iter_events` yields by visitor and then time."""
    events = iter_events(log, since_ms=since_ms, until_ms=until_ms)
    return sorted(events, key=lambda event: (event.user_id, event.time_ms, event.event_id))


def read_exposures(log: RecordLog, *, since_ms: int, until_ms: int) -> Iterator[Exposure]:
    """Yield what was shown in a window, each answer once. Raises `RecordLogUnavailableError`."""
    seen: set[str] = set()
    for record in log.read(EXPOSURES, since_ms=since_ms):
        fields = record.fields
        name = str(fields["recommendation_id"])
        if record.received_ms < until_ms and name not in seen:
            seen.add(name)
            yield Exposure(name, fields["user_id"], frozenset(fields["items"]), record.received_ms)
