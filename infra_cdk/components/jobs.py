"""What stands behind the placeholders of the state machines: functions and task definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, Size
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.images import (
    CPU_ARCHITECTURE,
    LAMBDA_ARCHITECTURE,
    container_image,
    function_code,
)
from infra_cdk.components.logs import log_group
from infra_cdk.components.permissions import acknowledge_stars
from state_machines.targets import CONTAINER, Target

_SUFFIXES: Final = ("FunctionArn", "TaskDefinitionArn")
_SCRATCH_MIB: Final = 10_240
"""A function's /tmp: the raw log of a large shop, and what is made of it."""
_SMALL_MIB: Final = 1024
"""A function with no more memory than this moves records about, not tables."""
_CPU_BY_MEMORY: Final = {4096: 1024, 8192: 2048, 16_384: 4096, 30_720: 4096}
"""Fargate's CPU units (1,024 a core) by a task's memory in MiB."""


@dataclass(frozen=True)
class Surroundings:
    """What every job is told and given. `environment`: variable -> value."""

    environment: Mapping[str, str]
    log_days: int


def short_name(placeholder: str) -> str:
    """Return ``Evaluate`` of ``EvaluateFunctionArn``."""
    for suffix in _SUFFIXES:
        placeholder = placeholder.removesuffix(suffix)
    return placeholder


def add_function(
    scope: Construct, placeholder: str, target: Target, around: Surroundings
) -> lambda_.DockerImageFunction:
    """Return the function that answers for a placeholder."""
    name = short_name(placeholder)
    role = _function_role(scope, name)
    function = lambda_.DockerImageFunction(
        scope,
        name,
        code=function_code(f"{target.module}.handler"),
        architecture=LAMBDA_ARCHITECTURE,
        memory_size=target.memory_mib,
        timeout=Duration.seconds(target.timeout_seconds),
        ephemeral_storage_size=(
            Size.mebibytes(_SCRATCH_MIB) if target.memory_mib > _SMALL_MIB else None
        ),
        environment={key: around.environment[key] for key in target.environment},
        role=role,
        log_group=log_group(scope, f"{name}Logs", days=around.log_days),
        logging_format=lambda_.LoggingFormat.JSON,
        tracing=lambda_.Tracing.ACTIVE,
    )
    function.log_group.grant_write(function)
    acknowledge_stars(role, ["*"], "X-Ray knows no resources that a trace could be put to.")
    return function


def _function_role(scope: Construct, name: str) -> iam.Role:
    """Return a role that may write its own logs and nothing else yet."""
    return iam.Role(scope, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def add_task(
    scope: Construct, placeholder: str, target: Target, around: Surroundings
) -> ecs.FargateTaskDefinition:
    """Return the task definition that answers for a placeholder."""
    name = short_name(placeholder)
    task = ecs.FargateTaskDefinition(
        scope,
        name,
        cpu=_CPU_BY_MEMORY[target.memory_mib],
        memory_limit_mib=target.memory_mib,
        ephemeral_storage_gib=50,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=CPU_ARCHITECTURE,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
    )
    group: logs.ILogGroup = log_group(scope, f"{name}Logs", days=around.log_days)
    task.add_container(
        CONTAINER,
        image=container_image(),
        command=["python", "-m", target.module],
        environment={key: around.environment[key] for key in target.environment},
        logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=group),
        stop_timeout=Duration.seconds(120),
    )
    acknowledge_stars(
        task.obtain_execution_role(), ["*"], "A registry's token is for the whole registry."
    )
    acknowledge(
        task,
        {
            "AwsSolutions-ECS2": "The variables name a bucket, a database and a log level: no "
            "secret is among them."
        },
    )
    return task
