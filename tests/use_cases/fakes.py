"""A history store and a record log in memory, which can be told to be away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from endcap.errors import HistoryUnavailableError, RecordLogUnavailableError
from endcap.ports import Record, VisitorEvent


@dataclass
class MemoryHistory:
    """A `HistoryStore`; `is_down` makes every call fail."""

    events: dict[tuple[str, str], VisitorEvent] = field(default_factory=dict)
    is_down: bool = False
    reads: int = 0

    def read(self, user_id: str, *, limit: int) -> list[VisitorEvent]:
        self.reads += 1
        self._check()
        own = [event for event in self.events.values() if event.user_id == user_id]
        return sorted(own, key=lambda event: (event.time_ms, event.event_id))[-limit:]

    def add(self, events: Sequence[VisitorEvent]) -> None:
        self._check()
        for event in events:
            self.events.setdefault((event.user_id, event.event_id), event)

    def erase(self, user_id: str) -> None:
        self._check()
        self.events = {key: event for key, event in self.events.items() if key[0] != user_id}

    def _check(self) -> None:
        if self.is_down:
            raise HistoryUnavailableError("the history store is down")


@dataclass
class MemoryLog:
    """A `RecordLog`; `is_down` makes every call fail."""

    streams: dict[str, list[Record]] = field(default_factory=dict)
    is_down: bool = False

    def append(self, stream: str, records: Sequence[Record]) -> None:
        self._check()
        self.streams.setdefault(stream, []).extend(records)

    def read(self, stream: str, *, since_ms: int) -> Iterator[Record]:
        self._check()
        kept = list(self.streams.get(stream, ()))
        return (record for record in kept if record.received_ms >= since_ms)

    def _check(self) -> None:
        if self.is_down:
            raise RecordLogUnavailableError("the record log is down")
