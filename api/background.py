"""What is done behind the requests' backs, in one thread."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from endcap.errors import EndcapError

_LOG: Final = logging.getLogger(__name__)

SHORTEST_SECONDS: Final = 0.05


@dataclass
class Duty:
    """Something to do every `seconds`, and whenever it is asked for."""

    name: str
    seconds: float
    perform: Callable[[], object]
    asked: threading.Event = field(default_factory=threading.Event)
    due: float = 0.0


class Background:
    """Performs duties in turn, in a thread of its own, until it is stopped.

    A duty that raises is logged and comes up again in its time.
    """

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = {duty.name: duty for duty in duties}
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, each duty first when its time is over. To start twice is to start once."""
        if self._thread is not None:
            return
        for duty in self._duties.values():
            duty.due = time.monotonic() + duty.seconds
        self._thread = threading.Thread(target=self._run, name="endcap-background", daemon=True)
        self._thread.start()

    def ask(self, name: str) -> None:
        """Have a duty performed as soon as may be."""
        self._duties[name].asked.set()
        self._wake.set()

    def stop(self) -> None:
        """Let the duty in hand end, and begin no other."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for duty in self._duties.values():
                if self._stopped.is_set():
                    return
                if duty.asked.is_set() or time.monotonic() >= duty.due:
                    self._perform(duty)
            pause = min(duty.due for duty in self._duties.values()) - time.monotonic()
            self._wake.wait(max(pause, SHORTEST_SECONDS))
            self._wake.clear()

    def _perform(self, duty: Duty) -> None:
        duty.asked.clear()
        try:
            duty.perform()
        except EndcapError as exc:
            _LOG.warning("%s: %s", duty.name, exc)
        except Exception:  # noqa: BLE001 -- the thread must outlive a defect
            _LOG.exception("%s: a defect", duty.name)
        duty.due = time.monotonic() + duty.seconds
