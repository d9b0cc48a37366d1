"""The same workflow on other services: states of an ASL definition, rewritten where they run.

What a state does, what it is told and what follows it stay as the ASL file has them.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from state_machines.targets import FEATURES_TARGET, TARGETS

Definition = dict[str, Any]
State = dict[str, Any]

SAGEMAKER_RESOURCES: Final = (
    "TrainingImage",
    "TrainingInstanceType",
    "TrainingOutputUri",
    "TrainingRoleArn",
)
"""Placeholders of training on SageMaker, beside one for each variable: see `variable`."""

SPARK_RESOURCES: Final = (
    "SparkApplicationId",
    "SparkEntryPoint",
    "SparkParameters",
    "SparkRoleArn",
)
"""Placeholders of features on EMR Serverless."""

_ECS: Final = "arn:aws:states:::ecs:runTask.sync"
_LAMBDA: Final = "arn:aws:states:::lambda:invoke"
_VOLUME_GB: Final = 50


def variable(name: str) -> str:
    """Return the placeholder for a variable of the environment.

    >>> variable("ENDCAP_LAKE_URI")
    'EndcapLakeUri'
    """
    return "".join(part.title() for part in name.split("_"))


def on_sagemaker(definition: Mapping[str, Any]) -> Definition:
    """Return the definition with a SageMaker training job in the place of each ECS task."""
    return _rewritten(definition, _ECS, _training_job)


def on_spark(definition: Mapping[str, Any]) -> Definition:
    """Return the definition with item-side features built by EMR Serverless jobs."""

    def job(state: State) -> State:
        name = state["Parameters"]["FunctionName"]
        return _spark_job(state) if name == f"${{{FEATURES_TARGET}}}" else state

    return _rewritten(definition, _LAMBDA, job)


def _training_job(state: State) -> State:
    parameters = state["Parameters"]
    target = TARGETS[parameters["TaskDefinition"].removeprefix("${").removesuffix("}")]
    (override,) = parameters["Overrides"]["ContainerOverrides"]
    told = {name: f"${{{variable(name)}}}" for name in target.environment}
    for given in override["Environment"]:
        is_path = "Value.$" in given
        told[given["Name"] + (".$" if is_path else "")] = given["Value.$" if is_path else "Value"]
    rewritten = {
        **state,
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Parameters": {
            # Jobs of one account and region have different names, now and later.
            "TrainingJobName.$": "States.Format('endcap-{}', States.UUID())",
            "AlgorithmSpecification": {
                "TrainingImage": "${TrainingImage}",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "-m", target.module],
            },
            "RoleArn": "${TrainingRoleArn}",
            "OutputDataConfig": {"S3OutputPath": "${TrainingOutputUri}"},
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": "${TrainingInstanceType}",
                "VolumeSizeInGB": _VOLUME_GB,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": state["TimeoutSeconds"]},
            "Environment": told,
        },
    }
    rewritten["Retry"] = [
        {**state["Retry"][0], "ErrorEquals": ["SageMaker.AmazonSageMakerException"]}
    ]
    return rewritten


def _spark_job(state: State) -> State:
    family = state["Parameters"]["Payload"]["family"]
    rewritten = {
        **state,
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Parameters": {
            "ApplicationId": "${SparkApplicationId}",
            "ExecutionRoleArn": "${SparkRoleArn}",
            "Name": f"features-{family}",
            "ExecutionTimeoutMinutes": state["TimeoutSeconds"] // 60,
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": "${SparkEntryPoint}",
                    "EntryPointArguments.$": (
                        f"States.Array('--run-id', $.run_id, '--family', '{family}')"
                    ),
                    "SparkSubmitParameters": "${SparkParameters}",
                }
            },
        },
    }
    rewritten.pop("OutputPath", None)
    rewritten["Retry"] = [
        {**state["Retry"][0], "ErrorEquals": ["EMRServerless.EMRServerlessException"]}
    ]
    return rewritten


def _rewritten(
    definition: Mapping[str, Any], resource: str, rewrite: Callable[[State], State]
) -> Definition:
    changed = copy.deepcopy(dict(definition))
    for states in _machines(changed):
        for name, state in states.items():
            if state.get("Resource") == resource:
                states[name] = rewrite(state)
    return changed


def _machines(definition: Definition) -> Iterator[dict[str, State]]:
    yield definition["States"]
    for state in definition["States"].values():
        inner = [*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])]
        for machine in inner:
            yield from _machines(machine)
