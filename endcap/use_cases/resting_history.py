"""A history store that is left alone for a while after it failed."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from endcap.errors import HistoryUnavailableError
from endcap.ports import HistoryStore, VisitorEvent

REST_MS: Final = 5_000


class RestingHistory:
    """A `HistoryStore` that answers for another, and at once while that one is away.

    Without it every request would wait for the store's own timeout for as long as it is down. After
    a failure reads fail at once for `REST_MS`; then one tries again. Writes and erasures are always
    tried: they are what must not be lost.
    """

    def __init__(self, store: HistoryStore, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._rests_until_ms = 0
        self._lock = threading.Lock()

    @property
    def is_resting(self) -> bool:
        """Whether reads fail at once just now."""
        return self._clock() < self._rests_until_ms

    def read(self, user_id: str, *, limit: int) -> list[VisitorEvent]:
        """Return what the store returns. Raises `HistoryUnavailableError`, as a rule at once."""
        with self._lock:
            now_ms = self._clock()
            if now_ms < self._rests_until_ms:
                raise HistoryUnavailableError("the history store failed a moment ago")
            was_down = self._rests_until_ms > 0
            if was_down:
                # This one tries; the others go on without until it knows.
                self._rests_until_ms = now_ms + REST_MS
        try:
            events = self._store.read(user_id, limit=limit)
        except HistoryUnavailableError:
            self._rests_until_ms = self._clock() + REST_MS
            raise
        if was_down:
            self._rests_until_ms = 0
        return events

    def add(self, events: Sequence[VisitorEvent]) -> None:
        """Keep the events."""
        self._store.add(events)

    def erase(self, user_id: str) -> None:
        """Forget a visitor."""
        self._store.erase(user_id)
