"""Runs a container task as a process, and describes it as Amazon ECS would."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra_local.invocation import Bench, Invocation, Place, python
from infra_local.worker_pool import Finished

_LOG_TAIL_BYTES = 65536


@dataclass(frozen=True)
class StoppedTask:
    """A task that stopped. `last_words`: the JSON object it printed last, or an empty one."""

    description: Mapping[str, Any]
    failed: bool
    last_words: Mapping[str, Any]
    finished: Finished
    place: Place


def run_task(invocation: Invocation, parameters: Mapping[str, Any], bench: Bench) -> StoppedTask:
    """Run the container's entry point with the overrides in runTask's `parameters`."""
    target, place = invocation.target, bench.place(invocation.state)
    overrides = parameters.get("Overrides", {}).get("ContainerOverrides", [])
    started = time.time()
    finished = bench.pool.run(
        python("infra_local.task_worker", target.module, str(bench.pool.pipe)),
        environment={**bench.environment(target), **_environment_of(overrides)},
        folder=place.folder,
        log_file=place.log_file,
        timeout_seconds=target.timeout_seconds,
        is_wanted=invocation.is_wanted,
    )
    return StoppedTask(
        description=_describe(invocation, parameters, finished, place, started),
        failed=finished.ending != "exited" or finished.exit_code != 0,
        last_words=_last_words(place),
        finished=finished,
        place=place,
    )


def name_error(task: StoppedTask) -> tuple[str, str]:
    """Return the name and the sentence of what failed, in the job's own words if it left any."""
    if task.finished.ending != "exited":
        return "States.TaskFailed", str(task.description["StoppedReason"])
    words = task.last_words
    reason = f"the container ended with exit code {task.description['Containers'][0]['ExitCode']}"
    return str(words.get("error", "States.TaskFailed")), str(words.get("message", reason))


def task_arn(parameters: Mapping[str, Any], request_id: str) -> str:
    """Return the name that a task goes by."""
    return f"arn:aws:ecs:::task/{parameters.get('Cluster', 'default')}/{request_id}"


def _environment_of(overrides: list[dict[str, Any]]) -> dict[str, str]:
    return {
        variable["Name"]: str(variable["Value"])
        for container in overrides
        for variable in container.get("Environment", [])
    }


def _describe(
    invocation: Invocation,
    parameters: Mapping[str, Any],
    finished: Finished,
    place: Place,
    started: float,
) -> dict[str, Any]:
    overrides = parameters.get("Overrides", {})
    names = [container.get("Name", "") for container in overrides.get("ContainerOverrides", [])]
    # A container that a signal ended has 128 + the signal's number as its exit code.
    code = finished.exit_code if finished.exit_code >= 0 else 128 - finished.exit_code
    return {
        "Containers": [
            {"Name": name, "ExitCode": code, "LastStatus": "STOPPED"} for name in names or [""]
        ],
        "DesiredStatus": "STOPPED",
        "LastStatus": "STOPPED",
        "LaunchType": parameters.get("LaunchType", "FARGATE"),
        "Overrides": overrides,
        "StartedAt": _moment(started),
        "StoppedAt": _moment(started + finished.seconds),
        "StopCode": "EssentialContainerExited" if finished.ending == "exited" else "UserInitiated",
        "StoppedReason": _reason(finished, invocation.target.timeout_seconds),
        "TaskArn": task_arn(parameters, place.request_id),
        "TaskDefinitionArn": parameters.get("TaskDefinition", ""),
    }


def _reason(finished: Finished, timeout_seconds: int) -> str:
    if finished.ending == "timed out":
        return f"Task stopped after {timeout_seconds} seconds"
    if finished.ending == "called off":
        return "Task stopped: the execution has moved on"
    return "Essential container in task exited"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _last_words(place: Place) -> dict[str, Any]:
    if not place.log_file.exists():
        return {}
    with place.log_file.open("rb") as log:
        log.seek(max(0, place.log_file.stat().st_size - _LOG_TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                words = json.loads(line)
            except ValueError:
                continue
            return words if isinstance(words, dict) else {}
    return {}
