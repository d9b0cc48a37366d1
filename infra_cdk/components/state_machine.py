"""A state machine from its ASL file, with what it may call."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from aws_cdk import ArnFormat, Aws, Duration, Fn, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.logs import log_group
from infra_cdk.components.permissions import acknowledge_stars, allow, spelled
from state_machines.targets import MACHINES

_ECS_RULE: Final = "StepFunctionsGetEventsForECSTaskRule"
"""AWS's name for the rule by which Step Functions learns that a task has stopped."""
_NO_SCOPE: Final = (
    "Log delivery and X-Ray know no resources of their own; AWS's documents ask for a star."
)


def read_definition(machine: str) -> Mapping[str, Any]:
    """Return a state machine's definition, with its placeholders."""
    text = (files("state_machines") / MACHINES[machine]).read_text(encoding="utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition


def add_state_machine(
    scope: Construct,
    name: str,
    definition: Mapping[str, Any],
    *,
    substitutions: Mapping[str, str],
    log_days: int,
) -> sfn.StateMachine:
    """Return the state machine of a definition whose placeholders `substitutions` fill."""
    machine = sfn.StateMachine(
        scope,
        name,
        definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
        definition_substitutions=dict(substitutions),
        logs=sfn.LogOptions(
            destination=log_group(scope, f"{name}Logs", days=log_days),
            # Names and times of states, not the data that pass between them.
            include_execution_data=False,
            level=sfn.LogLevel.ALL,
        ),
        tracing_enabled=True,
        timeout=Duration.seconds(definition["TimeoutSeconds"]),
    )
    acknowledge(machine.role, {"AwsSolutions-IAM5[Resource::*]": _NO_SCOPE})
    return machine


def allow_invoking(machine: sfn.StateMachine, functions: Sequence[lambda_.IFunction]) -> None:
    """Let a state machine invoke functions."""
    arns = [function.function_arn for function in functions]
    allow(machine, ["lambda:InvokeFunction"], arns)


def allow_running_tasks(
    machine: sfn.StateMachine, cluster: ecs.ICluster, tasks: Sequence[ecs.FargateTaskDefinition]
) -> None:
    """Let a state machine run tasks in a cluster, wait for their end, and stop them."""
    here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    in_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
    definitions = [task.task_definition_arn for task in tasks]
    roles = [
        role.role_arn for task in tasks for role in (task.task_role, task.obtain_execution_role())
    ]
    allow(machine, ["ecs:RunTask"], definitions, conditions=in_cluster)
    allow(
        machine,
        ["ecs:DescribeTasks", "ecs:StopTask"],
        [f"arn:{Aws.PARTITION}:ecs:{here}:task/{cluster.cluster_name}/*"],
        conditions=in_cluster,
        star="A task's id is known only once it runs; the star stands within one cluster.",
    )
    allow(
        machine,
        ["iam:PassRole"],
        roles,
        conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    )
    allow(
        machine,
        ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
        [f"arn:{Aws.PARTITION}:events:{here}:rule/{_ECS_RULE}"],
    )


def allow_children(scope: Construct, name: str, machine: sfn.StateMachine) -> None:
    """Let a state machine start executions of itself, as a distributed map does."""
    # A policy of its own: the machine waits for its role's, which cannot wait for the machine.
    policy = iam.Policy(
        scope,
        name,
        roles=[machine.role],
        statements=[
            iam.PolicyStatement(
                actions=["states:StartExecution"], resources=[machine.state_machine_arn]
            )
        ],
    )
    execution = Stack.of(scope).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    policy.add_statements(
        iam.PolicyStatement(
            actions=["states:DescribeExecution", "states:StopExecution"], resources=[execution]
        )
    )
    acknowledge_stars(
        policy,
        [spelled(policy, execution)],
        "A child's name is known only once it runs; the star stands within one state machine.",
    )


def joined(values: Sequence[str]) -> str:
    """Return ids as the one string that a placeholder of several stands for."""
    return Fn.join(",", list(values))
