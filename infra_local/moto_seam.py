"""The only module that knows moto: its Step Functions interpreter, with our workers behind it.

The interpreter makes one object for each service that a task state calls. Ours take the place of
its Lambda and ECS ones, so that nothing goes through a mocked AWS API: this process's own AWS
clients stay as they are, and states that run side by side share no client.

Four things are as on AWS that moto leaves out: a task whose container exits with another code than
0 fails its state with ``States.TaskFailed``; a task that nobody waits for any more is stopped; a
reserved name such as ``States.Timeout`` passes unchanged out of a Map or Parallel state and into a
Fail state, where moto breaks off past every Catch; and ``$variable`` is read without Java.

Written against moto 5.2.5; the version is pinned, and `tests/infra_local` holds the behaviour.
"""

# ruff: noqa: ANN401 - what moto hands over has no types of its own
# mypy: disable-error-code="no-untyped-call"

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import (
    LambdaFunctionErrorException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_ecs,
    state_task_service_lambda,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.utils import TMP_THREADS

from endcap.errors import WorkflowError
from infra_local.service_calls import ServiceCalls, TaskAttempt

_ACCOUNT, _REGION = "123456789012", "us-east-1"
_ROLE = f"arn:aws:iam::{_ACCOUNT}:role/local"
_JOIN_SECONDS = 2.0
_one_at_a_time = Lock()


class MotoExecution:
    """One execution of a state machine by moto's interpreter."""

    def __init__(self, name: str, definition: str, execution_name: str, payload: str) -> None:
        backend = StepFunctionsParserBackend(_REGION, _ACCOUNT)
        machine = backend.create_state_machine(name, definition, _ROLE)
        threads = len(TMP_THREADS)
        self._execution = backend.start_execution(machine.arn, execution_name, payload)
        self._thread: Thread = TMP_THREADS[threads]

    def history(self) -> list[Mapping[str, Any]]:
        """Return the events so far, oldest first."""
        worker = self._execution.exec_worker
        if worker is None or worker.env is None:
            return []
        events: Any = self._execution.to_history_output()["events"]
        return [{**event, "type": event["type"].value} for event in events]

    def ended(self) -> bool:
        """Say whether it is over. Raises `WorkflowError` if the interpreter itself broke."""
        alive = self._thread.is_alive()
        if self.describe()["status"] != "RUNNING":
            return True
        if not alive:
            raise WorkflowError("the interpreter of state machines stopped without a result")
        return False

    def describe(self) -> Mapping[str, Any]:
        """Return what DescribeExecution would."""
        description: Any = self._execution.to_describe_output()
        return {**description, "status": description["status"].value}

    def stop(self) -> None:
        """Stop it, as StopExecution would."""
        worker = self._execution.exec_worker
        if worker is not None and worker.env is not None:
            worker.env.set_stop(datetime.now(UTC), None, None)


@contextmanager
def interpreter(calls: ServiceCalls) -> Iterator[Callable[..., MotoExecution]]:
    """Give the way to start executions whose tasks are answered by `calls`.

    One at a time in a process: what moto makes for a service is decided by one function of it.
    """
    with _one_at_a_time, _quiet(), _reserved_names_pass(), _variables_without_java():
        factory: Any = state_task_factory
        original = factory.state_task_service_for

        def service_for(service_name: str) -> Any:
            if service_name == "lambda":
                return _LambdaTask(calls)
            if service_name == "ecs":
                return _ContainerTask(calls)
            return original(service_name)

        factory.state_task_service_for = service_for
        earlier = len(TMP_THREADS)
        try:
            yield MotoExecution
        finally:
            factory.state_task_service_for = original
            _join(TMP_THREADS[earlier:])
            del TMP_THREADS[earlier:]


class _LambdaTask(state_task_service_lambda.StateTaskServiceLambda):
    """``arn:aws:states:::lambda:invoke``."""

    def __init__(self, calls: ServiceCalls) -> None:
        super().__init__()
        self._calls = calls

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,  # noqa: ARG002 - moto's signature
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ARG002
    ) -> None:
        payload, failed = self._calls.invoke(_attempt(env, self), normalised_parameters)
        if failed:
            raise LambdaFunctionErrorException("Unhandled", json.dumps(payload))
        env.stack.append({"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200})


class _ContainerTask(state_task_service_ecs.StateTaskServiceEcs):
    """``arn:aws:states:::ecs:runTask.sync``."""

    def __init__(self, calls: ServiceCalls) -> None:
        super().__init__()
        self._calls = calls

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,  # noqa: ARG002
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ARG002
    ) -> None:
        # The answer of RunTask itself; the work is done while the interpreter waits for its end.
        task = {
            "LastStatus": "PENDING",
            "TaskDefinitionArn": normalised_parameters["TaskDefinition"],
        }
        env.stack.append({"Failures": [], "Tasks": [task]})

    def _build_sync_resolver(
        self,
        env: Any,
        resource_runtime_part: Any,  # noqa: ARG002
        normalised_parameters: dict[str, Any],
        state_credentials: Any,  # noqa: ARG002
    ) -> Callable[[], Any]:
        env.stack.pop()

        def run_to_its_end() -> Mapping[str, Any]:
            description, failed = self._calls.run_task(_attempt(env, self), normalised_parameters)
            if failed:
                raise _task_failed(env, description)
            return description

        return run_to_its_end


def _attempt(env: Any, task: Any) -> TaskAttempt:
    state = env.states.context_object.context_object_data["State"]
    return TaskAttempt(
        state=state["Name"],
        attempt=state["RetryCount"] + 1,
        state_input=env.states.get_input(),
        timeout_seconds=getattr(task.timeout, "timeout_seconds", math.inf),
        is_wanted=env.is_running,
    )


def _task_failed(env: Any, description: Mapping[str, Any]) -> Exception:
    name = StatesErrorNameType.StatesTaskFailed
    details: Any = {
        "taskFailedEventDetails": {
            "resourceType": "ecs",
            "resource": "runTask.sync",
            "error": name.to_name(),
            "cause": json.dumps(description),
        }
    }
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskFailed,
            event_details=details,
        )
    )


@contextmanager
def _reserved_names_pass() -> Iterator[None]:
    """Let the interpreter pass on the names of errors that Step Functions itself raised."""
    custom: Any = CustomErrorName
    original = custom.__init__

    def keep_name(self: Any, error_name: str | None) -> None:
        ErrorName.__init__(self, error_name=error_name)

    custom.__init__ = keep_name
    try:
        yield
    finally:
        custom.__init__ = original


@contextmanager
def _variables_without_java() -> Iterator[None]:
    """Look ``$name.field`` up in the variables: moto asks a JSONata engine even in JSONPath."""
    sample: Any = StringVariableSample
    original = sample._eval_body

    def look_up(self: Any, env: Any) -> None:
        name, *fields = self.expression.removeprefix("$").split(".")
        value = env.variable_store.get(name)
        for field in fields:
            value = value[field]
        env.stack.append(copy.deepcopy(value))

    sample._eval_body = look_up
    try:
        yield
    finally:
        sample._eval_body = original


def _join(threads: list[Thread]) -> None:
    """Wait for the interpreter's threads; one that sleeps before a retry is left to end alone."""
    deadline = time.monotonic() + _JOIN_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the interpreter's own log lines off the terminal: failures are reported by us."""
    logger = logging.getLogger("moto")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
