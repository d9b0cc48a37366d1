"""What the service counts and times, until somebody asks.

The client library is a large import: it gets the numbers when they are asked for, or are many.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from endcap.use_cases.answer_visitors import Answer
from endcap.use_cases.live_models import LiveStatus

if TYPE_CHECKING:
    from api.prometheus import Registry

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

REQUESTS: Final = "endcap_requests"
SECONDS: Final = "endcap_request_seconds"
STAGES: Final = "endcap_stage_seconds"
ITEMS: Final = "endcap_items"
DEGRADED: Final = "endcap_degraded"
EVENTS: Final = "endcap_events"
EXPOSURES_LOST: Final = "endcap_exposures_lost"
REPAIRED: Final = "endcap_history_repaired"

MANY: Final = 1_000
"""Numbers that wait, from which on the background hands them over."""
TOO_MANY: Final = 100 * MANY
"""Numbers that wait, from which on whoever tells one more hands them over."""


class Metrics:
    """One process's numbers."""

    def __init__(self) -> None:
        self._told: deque[tuple[str, tuple[str, ...], float]] = deque()
        self._settling = threading.Lock()
        self._registry: Registry | None = None

    def tell(self, name: str, *labels: str, value: float = 1.0) -> None:
        """Add to a counter, or observe a time in seconds. Costs next to nothing."""
        self._told.append((name, labels, value))
        if len(self._told) > TOO_MANY:
            self._settle()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of an answer."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.tell(STAGES, name, value=time.perf_counter() - start)

    def count_answers(self, answers: Iterable[Answer]) -> None:
        """Count what was recommended, from which source, and how well."""
        for answer in answers:
            for reason in answer.degraded:
                self.tell(DEGRADED, reason)
            for source, n in _sources(answer.items).items():
                self.tell(ITEMS, source, value=n)

    def settle_many(self) -> None:
        """Hand over what waits, if it is much."""
        if len(self._told) > MANY:
            self._settle()

    def to_text(self, status: LiveStatus, *, now_ms: int) -> bytes:
        """Return all of it in the Prometheus text format, the models' state as of now."""
        return self._settle().to_text(status, now_ms=now_ms)

    def _settle(self) -> "Registry":
        with self._settling:
            if self._registry is None:
                from api.prometheus import Registry  # noqa: PLC0415 -- see above

                self._registry = Registry()
            for _ in range(len(self._told)):
                name, labels, value = self._told.popleft()
                self._registry.take(name, labels, value)
            return self._registry


def _sources(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in items:
        counts[item["source"]] = counts.get(item["source"], 0) + 1
    return counts
