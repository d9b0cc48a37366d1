"""What an execution tells while it runs, and what is left of it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

EventKind = Literal["entered", "succeeded", "failed", "retried", "progress"]
StateStatus = Literal["running", "succeeded", "failed", "retried", "stopped"]
ExecutionStatus = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


@dataclass(frozen=True)
class StateRecord:
    """One state that was entered; for a task, one attempt.

    `parent`: the Map or Parallel state around it, if any. `item`: which item of the Map. `attempt`
    counts from 1. `started`: seconds after the execution began. `status`: a failed attempt that was
    followed by another is "retried"; work that was called off because of a failure elsewhere is
    "stopped". `error`, `message`: the name and the sentence of what went wrong, as close to its
    origin as it is known. `peak_memory_mib` is 0 where no process ran.
    """

    name: str
    status: StateStatus
    started: float
    seconds: float = 0.0
    detail: str = ""
    peak_memory_mib: float = 0.0
    memory_limit_mib: int = 0
    parent: str | None = None
    item: str | None = None
    attempt: int = 1
    error: str | None = None
    message: str | None = None
    log_file: Path | None = None


@dataclass(frozen=True)
class StateEvent:
    """Something that just happened to a state. `done` of `total` items for kind "progress"."""

    kind: EventKind
    record: StateRecord
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class ExecutionResult:
    """How an execution ended. `error` and `cause` are what Step Functions would report.

    `failure` is the record in which a failed execution went wrong, if it was a state's work.
    """

    status: ExecutionStatus
    output: Any
    error: str | None
    cause: str | None
    states: tuple[StateRecord, ...]

    @property
    def failure(self) -> StateRecord | None:
        """The first state whose own work failed for good, or None."""
        failed = [state for state in self.states if state.status == "failed"]
        return next((state for state in failed if state.error), failed[0] if failed else None)


def summarise(facts: object) -> str:
    """Return small facts as one short phrase: ``reused, rows 2,756,101``.

    At most five facts, and after them every code of the fact ``warnings``, spelled out.
    """
    if not isinstance(facts, Mapping):
        return ""
    first = ["reused"] if facts.get("reused") is True else []
    warnings = facts.get("warnings")
    last = [_note(warnings)] if isinstance(warnings, list) and warnings else []
    rest = [_phrase(key, value) for key, value in facts.items() if key != "reused"]
    return ", ".join([*first, *[phrase for phrase in rest if phrase][:5], *last])


def _note(codes: list[object]) -> str:
    return "note: " + ", ".join(str(code).replace("_", " ") for code in codes)


def _phrase(key: str, value: object) -> str:
    name = key.replace("_", " ")
    if key.endswith("_ms") or value is None or value is False:
        return ""
    if value is True:
        return name
    if isinstance(value, int):
        return f"{name} {value:,}"
    if isinstance(value, float):
        return f"{name} {value:.4g}"
    return f"{name} {value}" if isinstance(value, str) and len(value) <= 60 else ""
