"""What the interpreter's tasks call: our functions and containers, noted in the journal."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra_local import container_runtime, lambda_runtime
from infra_local.invocation import Bench, Invocation, Place
from infra_local.journal import Journal, Outcome
from infra_local.records import summarise
from infra_local.worker_pool import Finished
from state_machines.targets import Target

Note = Callable[[Finished, Place, str, tuple[str, str] | None], None]


@dataclass(frozen=True)
class TaskAttempt:
    """One attempt of a task state as the interpreter sees it. `attempt` counts from 1.

    `timeout_seconds` is the state's own; the interpreter enforces it.
    """

    state: str
    attempt: int
    state_input: Any
    timeout_seconds: float
    is_wanted: Callable[[], bool]


@dataclass(frozen=True)
class ServiceCalls:
    """Answers ``lambda:invoke`` and ``ecs:runTask.sync``.

    `targets`: the name that stands in the definition -> what runs there. `mapped`: the states that
    run once for each item of a Map.
    """

    bench: Bench
    targets: Mapping[str, Target]
    mapped: frozenset[str]
    journal: Journal

    def invoke(self, attempt: TaskAttempt, parameters: Mapping[str, Any]) -> tuple[Any, bool]:
        """Return the payload that a function answered, and whether it is an error."""
        invocation = self._invocation(attempt, parameters["FunctionName"])
        with self._noted(attempt, invocation) as note:
            answer = lambda_runtime.invoke(
                invocation, parameters.get("Payload") or b"{}", self.bench
            )
            payload, failed = answer.payload, answer.failed
            error = (payload["errorType"], payload["errorMessage"]) if failed else None
            note(answer.finished, answer.place, "" if failed else summarise(payload), error)
        return payload, failed

    def run_task(
        self, attempt: TaskAttempt, parameters: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], bool]:
        """Return the description of a stopped task, and whether its container failed."""
        invocation = self._invocation(attempt, parameters["TaskDefinition"])
        with self._noted(attempt, invocation) as note:
            task = container_runtime.run_task(invocation, parameters, self.bench)
            error = container_runtime.name_error(task) if task.failed else None
            note(
                task.finished, task.place, "" if task.failed else summarise(task.last_words), error
            )
        return task.description, task.failed

    @contextmanager
    def _noted(self, attempt: TaskAttempt, invocation: Invocation) -> Iterator[Note]:
        began, number = time.monotonic(), self.journal.begin(invocation)

        def note(
            finished: Finished, place: Place, detail: str, error: tuple[str, str] | None
        ) -> None:
            called_off = finished.ending == "called off"
            if called_off and time.monotonic() - began >= attempt.timeout_seconds:
                # What called it off is the state's own timeout: it is the one that failed.
                limit = f"no result within the state's {attempt.timeout_seconds:g} seconds"
                called_off, error = False, ("States.Timeout", limit)
            name, message = error or (None, None)
            self.journal.end(
                number,
                Outcome(
                    detail=detail,
                    error=name,
                    message=message,
                    called_off=called_off,
                    seconds=finished.seconds,
                    peak_memory_mib=finished.peak_memory_mib,
                    log_file=place.log_file,
                ),
            )

        yield note

    def _invocation(self, attempt: TaskAttempt, name: str) -> Invocation:
        return Invocation(
            state=attempt.state,
            attempt=attempt.attempt,
            target=self.targets[name],
            item=_label(attempt.state_input) if attempt.state in self.mapped else None,
            is_wanted=attempt.is_wanted,
        )


def _label(state_input: object) -> str | None:
    """Name an item of a Map by what it holds, the run's own name left out: ``ranking/0``."""
    if not isinstance(state_input, Mapping):
        return json.dumps(state_input)
    parts = [
        str(value)
        for key, value in state_input.items()
        if key != "run_id" and isinstance(value, str | int)
    ]
    return "/".join(parts) or None
