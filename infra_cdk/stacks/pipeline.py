"""What trains: functions, containers, state machines, the schedule, and who hears of failures."""

import json
from typing import Any, Final

from aws_cdk import CfnOutput, Stack, TimeZone
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as schedule_targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.catalogue_access import allow_registering
from infra_cdk.components.dead_letters import dead_letter_queue
from infra_cdk.components.jobs import Surroundings, add_function, add_task
from infra_cdk.components.lake_access import (
    LAKE,
    RAW,
    RECORD_LOG,
    REQUESTS,
    allow_reading,
    allow_writing,
    lake_uri,
)
from infra_cdk.components.network import Network
from infra_cdk.components.state_machine import (
    add_state_machine,
    allow_children,
    allow_invoking,
    allow_running_tasks,
    joined,
    read_definition,
)
from infra_cdk.config import StageConfig
from infra_cdk.stacks.stateful import StatefulStack
from state_machines.targets import CONTAINER_ATTEMPTS, MACHINES, TARGETS

_LAMBDA_CACHE: Final = "/tmp/endcap"  # noqa: S108 -- the one place a function may write to
_DATABASE: Final = "ENDCAP_GLUE_DATABASE"
_READS: Final = {
    "ValidateAndCleanFunctionArn": (RAW, RECORD_LOG),
    "CollectMetricsFunctionArn": (RECORD_LOG,),
    "DetectDriftFunctionArn": (RECORD_LOG,),
    "PlanBatchFunctionArn": (REQUESTS,),
}
"""What is read beside the lake."""
_LAKE_PATHS: Final = (
    "The lake's paths hold hashes that are known only once a run is under way; the star stands "
    "below one prefix of one bucket."
)


class PipelineStack(Stack):
    """Training, monitoring and batch recommendations."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: StageConfig,
        stateful: StatefulStack,
        deployment: str,
        code_version: str,
    ) -> None:
        super().__init__(scope, name, description="Endcap: training, monitoring, batch")
        self._config = config
        self._stateful = stateful
        self.raw_uri = f"s3://{stateful.bucket.bucket_name}/{config.pipeline.raw_prefix}"
        self.failures = self._failure_topic()
        self.undelivered = dead_letter_queue(self, "Undelivered")
        self.network = Network(self, "Network", kind=config.pipeline.network)
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self.network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        acknowledge(
            self.cluster,
            {
                "AwsSolutions-ECS4": "Container insights cost by metric; a run's report already "
                "has each task's seconds and memory."
            },
        )
        around = {
            "ENDCAP_LAKE_URI": lake_uri(stateful.bucket),
            _DATABASE: stateful.database.ref,
            "ENDCAP_CACHE_DIR": _LAMBDA_CACHE,
            "ENDCAP_CODE_VERSION": code_version,
            "ENDCAP_LOG_LEVEL": "INFO",
            "ENDCAP_RECORD_LOG_URI": stateful.record_log_uri(),
            "ENDCAP_DEPLOYMENT": deployment,
        }
        surroundings = Surroundings(around, config.pipeline.log_days)
        self.functions = {
            placeholder: add_function(self, placeholder, target, surroundings)
            for placeholder, target in TARGETS.items()
            if target.kind == "lambda"
        }
        self.tasks = {
            placeholder: add_task(self, placeholder, target, surroundings)
            for placeholder, target in TARGETS.items()
            if target.kind == "ecs"
        }
        self._open_the_lake()
        self.machines = {machine: self._machine(machine) for machine in MACHINES}
        self._tell_of_failures()
        self._schedule()
        self._outputs()

    def _failure_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Failures", enforce_ssl=True)
        acknowledge(
            topic,
            {
                "AwsSolutions-SNS2": "CloudWatch and EventBridge cannot publish to a topic under "
                "AWS's own key, and a key of ours costs while nothing runs; messages name states "
                "and alarms, nobody's data."
            },
        )
        # A topic with a policy has lost the one that lets this account's own alarms in.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        for email in self._config.monitoring.emails:
            topic.add_subscription(subscriptions.EmailSubscription(email))
        return topic

    def _open_the_lake(self) -> None:
        bucket = self._stateful.bucket
        jobs: list[tuple[str, object]] = [
            *((name, function) for name, function in self.functions.items()),
            *((name, task.task_role) for name, task in self.tasks.items()),
        ]
        for name, job in jobs:
            allow_reading(job, bucket, LAKE, *_READS.get(name, ()))  # type: ignore[arg-type]
            allow_writing(job, bucket, LAKE)  # type: ignore[arg-type]
        for name, function in self.functions.items():
            if _DATABASE in TARGETS[name].environment:
                allow_registering(function, self._stateful.database)

    def _machine(self, name: str) -> sfn.StateMachine:
        definition = read_definition(name)
        text = json.dumps(definition)
        functions = {key: f for key, f in self.functions.items() if f"${{{key}}}" in text}
        tasks = {key: t for key, t in self.tasks.items() if f"${{{key}}}" in text}
        first = "FARGATE_SPOT" if self._config.pipeline.spot else "FARGATE"
        resources = {
            "EcsClusterArn": self.cluster.cluster_arn,
            "TrainingSubnets": joined(self.network.subnet_ids),
            "TrainingSecurityGroups": self.network.security_group.security_group_id,
            "TrainingCapacityProviders": ",".join([first] + ["FARGATE"] * (CONTAINER_ATTEMPTS - 1)),
            "AssignPublicIp": self.network.assign_public_ip,
        }
        machine = add_state_machine(
            self,
            name.title(),
            definition,
            substitutions={
                **{key: function.function_arn for key, function in functions.items()},
                **{key: task.task_definition_arn for key, task in tasks.items()},
                **{key: value for key, value in resources.items() if f"${{{key}}}" in text},
            },
            log_days=self._config.pipeline.log_days,
        )
        allow_invoking(machine, list(functions.values()))
        if '"DISTRIBUTED"' in text:
            allow_children(self, f"{name.title()}Children", machine)
        if tasks:
            allow_running_tasks(machine, self.cluster, list(tasks.values()))
        return machine

    def _tell_of_failures(self) -> None:
        state = events.EventField.from_path
        events.Rule(
            self,
            "FailedExecution",
            description="An execution failed, timed out or was stopped",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                    "stateMachineArn": [
                        machine.state_machine_arn for machine in self.machines.values()
                    ],
                },
            ),
            targets=[
                event_targets.SnsTopic(
                    self.failures,
                    dead_letter_queue=self.undelivered,
                    message=events.RuleTargetInput.from_text(
                        f"Endcap: execution {state('$.detail.name')} ended as "
                        f"{state('$.detail.status')}. What failed is in the lake, under "
                        f"objects/runs/{state('$.detail.name')}/failure.json; the champion goes on "
                        f"serving. {state('$.detail.executionArn')}"
                    ),
                )
            ],
        )

    def _schedule(self) -> None:
        pipeline, monitoring = self._config.pipeline, self._config.monitoring
        self._start_on("training", pipeline.retrain, {"raw": self.raw_uri})
        settings = {"drifted_share": monitoring.drifted_share}
        self._start_on("monitoring", monitoring.monitor, {"monitoring": settings})

    def _start_on(self, machine: str, expression: str | None, payload: dict[str, Any]) -> None:
        if expression is None:
            return
        scheduler.Schedule(
            self,
            f"{machine.title()}Schedule",
            description=f"Starts the {machine} workflow",
            schedule=scheduler.ScheduleExpression.expression(expression, TimeZone.ETC_UTC),
            target=schedule_targets.StepFunctionsStartExecution(
                self.machines[machine],
                input=scheduler.ScheduleTargetInput.from_object(payload),
                dead_letter_queue=self.undelivered,
                retry_attempts=3,
            ),
        )

    def _outputs(self) -> None:
        for machine, deployed in self.machines.items():
            CfnOutput(self, f"{machine.title()}StateMachine", value=deployed.state_machine_arn)
        CfnOutput(self, "FailureTopic", value=self.failures.topic_arn)
