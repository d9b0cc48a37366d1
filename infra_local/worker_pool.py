"""Worker processes: never more at once than there are slots, each reaped with what it used."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Literal, Self

_LOOK_SECONDS = 0.05
"""How often a running worker's memory, its time limit and its being wanted are looked at."""
_FIRST_LOOK_SECONDS = 0.002
"""The looks begin close together, so that the memory of a short-lived worker is seen too."""

Ending = Literal["exited", "timed out", "called off"]


@dataclass(frozen=True)
class Finished:
    """How a worker ended. `exit_code` is negative for a signal: -9 was killed.

    `peak_memory_mib` is exact for a worker that grew larger than this process; of a smaller one
    it is the most that was seen at a look, so growth in the last moments may be missing.
    """

    ending: Ending
    exit_code: int
    seconds: float
    peak_memory_mib: float


CALLED_OFF = Finished("called off", -signal.SIGKILL, 0.0, 0.0)


class WorkerPool:
    """Runs commands as processes that do not outlive this one.

    `slots`: how many run at the same time; the others wait. Closing the pool kills what runs.
    """

    def __init__(self, slots: int) -> None:
        self._slots = BoundedSemaphore(slots)
        self._lock = Lock()
        self._running: set[int] = set()
        self._closed = False
        # Workers hold the reading end. Nothing is ever written: it closes when this process ends.
        self.pipe, self._held = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        os.close(self._held)
        os.close(self.pipe)

    def close(self) -> None:
        """Kill what runs, and start nothing any more."""
        with self._lock:
            self._closed = True
            for pid in self._running:
                _kill(pid)
        while self._running:
            time.sleep(_LOOK_SECONDS)

    def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        log_file: Path,
        timeout_seconds: float,
        is_wanted: Callable[[], bool],
    ) -> Finished:
        """Run `command` in `folder`, output to `log_file`, and wait for its end.

        It is killed after `timeout_seconds`, and as soon as `is_wanted` says no.
        """
        while not self._slots.acquire(timeout=_LOOK_SECONDS):
            if self._closed or not is_wanted():
                return CALLED_OFF
        try:
            started = time.monotonic()
            process = self._start(command, environment, folder, log_file)
            if process is None:
                return CALLED_OFF
            return self._wait(process, started, timeout_seconds, is_wanted)
        finally:
            self._slots.release()

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log_file: Path
    ) -> "subprocess.Popen[bytes] | None":
        with self._lock, log_file.open("wb") as log:
            if self._closed:
                return None
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(self.pipe,),
                start_new_session=True,
            )
            self._running.add(process.pid)
            return process

    def _wait(
        self,
        process: "subprocess.Popen[bytes]",
        started: float,
        timeout_seconds: float,
        is_wanted: Callable[[], bool],
    ) -> Finished:
        reaper = _Reaper(process, self._forget)
        ending: Ending = "exited"
        peak, look = 0.0, _FIRST_LOOK_SECONDS
        while not reaper.done.wait(look):
            look = min(2 * look, _LOOK_SECONDS)
            peak = max(peak, _high_water_mib(process.pid))
            if time.monotonic() - started > timeout_seconds:
                ending = "timed out"
            elif not is_wanted():
                ending = "called off"
            if ending != "exited":
                _kill(process.pid)
                reaper.done.wait()
                break
        if self._closed and reaper.exit_code == -signal.SIGKILL and ending == "exited":
            ending = "called off"
        return Finished(
            ending,
            reaper.exit_code,
            time.monotonic() - started,
            _peak_memory_mib(peak, reaper.peak_memory_mib),
        )

    def _forget(self, pid: int) -> None:
        with self._lock:
            self._running.discard(pid)


class _Reaper:
    """Waits for one process in a thread of its own, and keeps what the kernel says about it."""

    def __init__(self, process: "subprocess.Popen[bytes]", forget: Callable[[int], None]) -> None:
        self.done = Event()
        self.exit_code = 0
        self.peak_memory_mib = 0.0
        self._process, self._forget = process, forget
        Thread(target=self._reap, name=f"reaper-{process.pid}", daemon=True).start()

    def _reap(self) -> None:
        pid = self._process.pid
        if hasattr(os, "waitid"):
            # The process stays a zombie, and its id its own, until it is forgotten: nobody can
            # kill another that was given the same id.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._forget(pid)
        _, status, usage = os.wait4(pid, 0)
        self.exit_code = os.waitstatus_to_exitcode(status)
        # macOS counts bytes, the others KiB.
        self.peak_memory_mib = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
        self._process.returncode = self.exit_code
        self.done.set()


def _peak_memory_mib(seen: float, told: float) -> float:
    """Return a worker's peak from what was `seen` at the looks and `told` by `wait4` at its end.

    What `wait4` tells is never less than the memory of the process that forked the worker. Only
    what exceeds it is surely the worker's own.
    """
    is_its_own = told > _high_water_mib(os.getpid())
    return max(seen, told) if is_its_own or not seen else seen


def _high_water_mib(pid: int) -> float:
    """Return a process's peak resident memory so far, or 0 where the kernel does not tell."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
