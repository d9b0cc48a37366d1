"""What visitors were shown, on its way to the record log."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from api.metrics import EXPOSURES_LOST, Metrics
from endcap.errors import RecordLogUnavailableError
from endcap.ports import EXPOSURES, Record, RecordLog

_LOG: Final = logging.getLogger(__name__)

MOST_WAITING: Final = 20_000
AT_ONCE: Final = 500


class Exposures:
    """Writes exposures behind the requests' backs, or at once where no one comes back later.

    An answer never fails because its exposure could not be kept: what the log does not take waits,
    and past `MOST_WAITING` the oldest are lost and counted.
    """

    def __init__(self, log: RecordLog, metrics: Metrics, *, at_once: bool) -> None:
        self._log = log
        self._metrics = metrics
        self._at_once = at_once
        self._waiting: deque[Record] = deque()
        self._lock = threading.Lock()

    def add(self, records: Sequence[Record]) -> None:
        """Take the exposures of one request."""
        with self._lock:
            self._waiting.extend(records)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._metrics.tell(EXPOSURES_LOST)
        if self._at_once:
            self.flush()

    def flush(self) -> None:
        """Write what waits. What the log does not take goes on waiting."""
        while part := self._take():
            try:
                self._log.append(EXPOSURES, part)
            except RecordLogUnavailableError as exc:
                _LOG.warning("%d exposures wait: %s", len(part), exc)
                with self._lock:
                    self._waiting.extendleft(reversed(part))
                return

    def _take(self) -> list[Record]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
