"""What happened, in order: from the interpreter's history and from the workers, as records."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from infra_local.invocation import Invocation
from infra_local.records import EventKind, StateEvent, StateRecord, StateStatus

HistoryEvent = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How one invocation ended."""

    detail: str = ""
    error: str | None = None
    message: str | None = None
    called_off: bool = False
    seconds: float = 0.0
    peak_memory_mib: float = 0.0
    log_file: Path | None = None


@dataclass
class Journal:
    """Collects records and queues events; may be told things by many threads.

    Task states are told by the workers, who know which item and attempt they serve; Map and
    Parallel states are told by the interpreter's history.

    `parents`: see `Machine.parents`.
    """

    parents: Mapping[str, str]
    events: SimpleQueue[StateEvent] = field(default_factory=SimpleQueue)
    _history: Callable[[], Sequence[HistoryEvent]] = tuple
    _records: list[StateRecord] = field(default_factory=list)
    _containers: dict[int, str] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)
    _totals: dict[str, int] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=dict)
    _seen: int = 0
    _began: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock)

    def follow(self, history: Callable[[], Sequence[HistoryEvent]]) -> None:
        """Take `history`, which returns all events so far, as the interpreter's."""
        self._history = history

    def catch_up(self) -> None:
        """Take in what is new in the interpreter's history."""
        with self._lock:
            self._catch_up()

    def begin(self, invocation: Invocation) -> int:
        """Note that an invocation began; return its number, for `end`."""
        with self._lock:
            self._catch_up()
            if invocation.attempt > 1:
                self._mark_retried(invocation)
            return self._open(
                StateRecord(
                    name=invocation.state,
                    status="running",
                    started=self._now(),
                    memory_limit_mib=invocation.target.memory_mib,
                    parent=self.parents.get(invocation.state),
                    item=invocation.item,
                    attempt=invocation.attempt,
                )
            )

    def end(self, number: int, outcome: Outcome) -> None:
        """Note how an invocation ended."""
        with self._lock:
            self._catch_up()
            failed = outcome.error is not None
            record = replace(
                self._records[number],
                status="stopped" if outcome.called_off else "failed" if failed else "succeeded",
                seconds=outcome.seconds,
                detail=outcome.detail,
                peak_memory_mib=outcome.peak_memory_mib,
                error=outcome.error,
                message=outcome.message,
                log_file=outcome.log_file,
            )
            self._records[number] = record
            self._tell("failed" if failed else "succeeded", record)

    def close(self) -> tuple[StateRecord, ...]:
        """Return all records; what is still open was stopped with the execution."""
        with self._lock:
            self._catch_up()
            for number, record in enumerate(self._records):
                if record.status == "running":
                    self._finish(number, "stopped")
            return tuple(self._records)

    def _catch_up(self) -> None:
        events = self._history()
        for event in events[self._seen :]:
            self._take(event)
        self._seen = len(events)

    def _take(self, event: HistoryEvent) -> None:
        kind = event["type"]
        if kind in ("MapStateEntered", "ParallelStateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            self._containers[event["id"]] = name
            self._open(StateRecord(name, "running", self._now(), parent=self.parents.get(name)))
        elif kind in ("MapStateExited", "ParallelStateExited"):
            name = event["stateExitedEventDetails"]["name"]
            status: StateStatus = "failed" if name in self._failing else "succeeded"
            for number in self._running(name):
                self._finish(number, status)
        elif kind in ("MapStateFailed", "ParallelStateFailed"):
            inner = [record.parent for record in self._records if record.status == "failed"]
            self._failing.update(name for name in inner if name is not None)
        elif kind == "MapStateStarted":
            name = self._containers[event["previousEventId"]]
            self._done[name], self._totals[name] = 0, event["mapStateStartedEventDetails"]["length"]
        elif kind == "MapIterationSucceeded":
            name = event["mapIterationSucceededEventDetails"]["name"]
            self._done[name] += 1
            for number in self._running(name):
                self.events.put(
                    StateEvent(
                        "progress", self._records[number], self._done[name], self._totals[name]
                    )
                )

    def _running(self, name: str) -> Iterator[int]:
        for number, record in enumerate(self._records):
            if record.name == name and record.status == "running":
                yield number

    def _mark_retried(self, invocation: Invocation) -> None:
        for number in range(len(self._records) - 1, -1, -1):
            record = self._records[number]
            same = (record.name, record.item) == (invocation.state, invocation.item)
            if same and record.status == "failed":
                self._records[number] = replace(record, status="retried")
                self._tell("retried", self._records[number])
                return

    def _open(self, record: StateRecord) -> int:
        self._records.append(record)
        self._tell("entered", record)
        return len(self._records) - 1

    def _finish(self, number: int, status: StateStatus) -> None:
        record = self._records[number]
        self._records[number] = replace(record, status=status, seconds=self._now() - record.started)
        self._tell("succeeded" if status == "succeeded" else "failed", self._records[number])

    def _tell(self, kind: EventKind, record: StateRecord) -> None:
        self.events.put(StateEvent(kind, record))

    def _now(self) -> float:
        return time.monotonic() - self._began
