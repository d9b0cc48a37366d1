"""Runs the workflow, and kills it in a state that is named."""

import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from tests.workflow.command_line import ENDCAP, clean_environment

NEVER_STAGES = frozenset({"CheckGate", "Promote", "KeepChampion", "RecordFailure"})
"""States that build no folder: there is no moment to wait for, so they are killed early on."""

_EARLY_SECONDS, _LATE_SECONDS = 0.1, 60
_LOOK_SECONDS = 0.005
_GONE_SECONDS = 30


def run_and_kill(raw: Path, lake: Path, config: Path, states: Collection[str]) -> set[str]:
    """Start a run, SIGKILL it in the first of `states` it enters, and return those it was in.

    The kill comes when something has been written into the lake's staging since the state was
    entered; early on in a state that builds nothing, or that an earlier run entered; at once in a
    state that went by too quickly even then. Afterwards nothing that the run started is alive.
    Empty if the run ended first: it went by too quickly, and the next one is killed sooner.
    A run that fails by itself is an error, with what it said.
    """
    earlier = set((lake / "runs").glob("*"))
    command: list[str | Path] = [ENDCAP, "run", "--raw", raw, "--lake", lake, "--config", config]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            in_the_act = _watch(process, lake, states, earlier)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        said.seek(0)
        assert process.returncode in (0, -signal.SIGKILL), said.read()
    assert not in_the_act or process.returncode == -signal.SIGKILL
    _wait_until_nobody_works_for(lake)
    return in_the_act


def _watch(
    process: subprocess.Popen[bytes], lake: Path, states: Collection[str], earlier: set[Path]
) -> set[str]:
    """Return which of the states the run is in when it is to be killed; empty if it ended."""
    times_entered = Counter(state for run in earlier for state in _entered([run]))
    in_the_act: set[str] = set()
    first_seen: dict[str, tuple[float, set[str]]] = {}
    while not in_the_act and process.poll() is None:
        time.sleep(_LOOK_SECONDS)
        runs = set((lake / "runs").glob("*")) - earlier
        for state in _entered(runs) & set(states):
            staged = _staged(lake)
            entered_at, staged_before = first_seen.setdefault(state, (time.monotonic(), staged))
            patience = _patience(state, times_entered[state])
            if staged - staged_before or time.monotonic() - entered_at > patience:
                in_the_act |= set(workers_of(lake).values()) & set(states)
    return in_the_act


def _patience(state: str, times_entered: int) -> float:
    """Return for how many seconds a state may work before it is killed."""
    times_missed = times_entered + (state in NEVER_STAGES)
    return (_LATE_SECONDS, _EARLY_SECONDS)[times_missed] if times_missed < 2 else 0


def workers_of(lake: Path) -> dict[int, str]:
    """Return the processes that work for a lake: process id -> state."""
    mark = f"ENDCAP_LAKE_URI={lake}\0".encode()
    workers = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes():
                workers[int(entry.name)] = _state_of((entry / "cwd").readlink().name)
        except OSError:
            continue  # it has ended meanwhile, or is another user's
    return workers


def _wait_until_nobody_works_for(lake: Path) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while left := workers_of(lake):
        assert time.monotonic() < deadline, f"workers outlive the run: {left}"
        time.sleep(_LOOK_SECONDS)


def _entered(runs: Iterable[Path]) -> set[str]:
    """Return the states that runs have entered, by their logs."""
    return {_state_of(log.stem) for run in runs for log in (run / "logs").glob("*.log")}


def _staged(lake: Path) -> set[str]:
    """Return what lies in staging: files, and folders that have something in them."""
    names = set()
    for entry in (lake / ".staging").glob("*"):
        try:
            if not entry.is_dir() or any(entry.iterdir()):
                names.add(entry.name)
        except FileNotFoundError:
            continue  # published at this moment
    return names


def _state_of(name: str) -> str:
    """Return "TrainFold" of "TrainFold-3"."""
    return name.rpartition("-")[0]
