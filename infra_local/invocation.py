"""One task attempt of a state, and what is needed to run it as a process here."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from uuid import NAMESPACE_URL, uuid5

from infra_local.worker_pool import WorkerPool
from state_machines.targets import Target

PASSED_ON = ("AWS_", "SSL_", "REQUESTS_CA_", "OPENBLAS_")
"""Variables of this process that a worker gets too: a real S3 lake works from here as well."""

SINGLE_THREADED = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Libraries that count the cores would start threads beside those that the code asks for."""


@dataclass(frozen=True)
class Invocation:
    """One attempt of a task state. `is_wanted` says no once nobody waits for its end."""

    state: str
    attempt: int
    target: Target
    item: str | None
    is_wanted: Callable[[], bool] = field(repr=False)


@dataclass(frozen=True)
class Bench:
    """Where workers run: the pool, their folders, and the environment that is the same for all.

    `scratch`: emptied with the execution. `variables`: values of the variables that targets name.
    `python_path`: where workers find our code.
    """

    pool: WorkerPool
    scratch: Path
    log_folder: Path
    run_id: str
    variables: Mapping[str, str]
    python_path: tuple[str, ...]
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def place(self, state: str) -> "Place":
        """Return a new folder and log file for one more invocation of `state`."""
        with self._lock:
            number = self._counts[state] = self._counts.get(state, 0) + 1
        name = f"{state}-{number}"
        folder = self.scratch / name
        folder.mkdir()
        request_id = str(uuid5(NAMESPACE_URL, f"{self.run_id}/{name}"))
        return Place(folder, self.log_folder / f"{name}.log", request_id)

    def environment(self, target: Target) -> dict[str, str]:
        """Return a clean environment with what the stack would give the target."""
        inherited = {
            name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)
        }
        named = {
            name: self.variables[name] for name in target.environment if name in self.variables
        }
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", str(self.scratch)),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.scratch),
            "PYTHONPATH": os.pathsep.join(self.python_path),
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **SINGLE_THREADED,
            **inherited,
            **named,
        }


@dataclass(frozen=True)
class Place:
    """One invocation's own folder, log file and request id."""

    folder: Path
    log_file: Path
    request_id: str


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules."""
    return [sys.executable, "-m", module, *arguments]
