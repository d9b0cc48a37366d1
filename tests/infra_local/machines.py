"""Toy state machines: short ways to write their states."""

import json
from pathlib import Path
from typing import Any

from infra_local.execution import OnEvent, run_execution
from infra_local.machine import Machine
from infra_local.records import ExecutionResult
from state_machines.targets import Target

State = dict[str, Any]

TARGETS = {
    "FunctionArn": Target("lambda", "tests.infra_local.toy.function", 512, 30),
    "HurriedFunctionArn": Target("lambda", "tests.infra_local.toy.function", 512, 1),
    "JobArn": Target("ecs", "tests.infra_local.toy.job", 512, 30),
    "HurriedJobArn": Target("ecs", "tests.infra_local.toy.job", 512, 1),
}
RETRY = [{"ErrorEquals": ["TransientLakeError"], "IntervalSeconds": 1, "MaxAttempts": 2}]
CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Failed"}]
FAILED: State = {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"}


def function(payload: State, name: str = "FunctionArn", **fields: object) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": f"${{{name}}}", "Payload": payload},
        "OutputPath": "$.Payload",
        **_next(fields),
    }


def job(environment: dict[str, str], name: str = "JobArn", **fields: object) -> State:
    variables = [
        {"Name": key.removesuffix(".$"), "Value.$" if key.endswith(".$") else "Value": value}
        for key, value in environment.items()
    ]
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::ecs:runTask.sync",
        "Parameters": {
            "Cluster": "${EcsClusterArn}",
            "TaskDefinition": f"${{{name}}}",
            "LaunchType": "FARGATE",
            "Overrides": {"ContainerOverrides": [{"Name": "toy", "Environment": variables}]},
        },
        **_next(fields),
    }


def machine(**states: State) -> Machine:
    definition = {"StartAt": next(iter(states)), "States": states}
    return Machine("toy", json.dumps(definition), TARGETS)


def run(
    toy: Machine,
    folder: Path,
    payload: object = None,
    *,
    threads: int = 2,
    on_event: OnEvent | None = None,
) -> ExecutionResult:
    lake = folder / "lake"
    lake.mkdir(parents=True, exist_ok=True)
    return run_execution(
        machine=toy,
        execution_input=payload if isinstance(payload, dict) else {},
        lake_uri=str(lake),
        run_id="run-1",
        log_folder=folder / "logs",
        threads=threads,
        on_event=on_event,
    )


def _next(fields: State) -> State:
    return fields if "Next" in fields else {**fields, "End": True}
