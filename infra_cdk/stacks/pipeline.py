"""What trains: functions, containers, state machines, the schedule, and who hears of failures."""

import json
from typing import Any, Final

from aws_cdk import CfnOutput, Stack, TimeZone
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as schedule_targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.components.backends import Backend, FargateTraining, SageMakerTraining, SparkFeatures
from infra_cdk.components.catalogue_access import allow_registering
from infra_cdk.components.dead_letters import dead_letter_queue
from infra_cdk.components.jobs import Surroundings, add_function
from infra_cdk.components.lake_access import (
    LAKE,
    RAW,
    RECORD_LOG,
    REQUESTS,
    allow_reading,
    allow_writing,
    lake_uri,
)
from infra_cdk.components.state_machine import (
    add_state_machine,
    allow_children,
    allow_invoking,
    read_definition,
)
from infra_cdk.config import StageConfig
from infra_cdk.stacks.stateful import StatefulStack
from state_machines.targets import FEATURES_TARGET, MACHINES, TARGETS

_LAMBDA_CACHE: Final = "/tmp/endcap"  # noqa: S108 -- the one place a function may write to
_DATABASE: Final = "ENDCAP_GLUE_DATABASE"
_READS: Final = {
    "ValidateAndCleanFunctionArn": (RAW, RECORD_LOG),
    "CollectMetricsFunctionArn": (RECORD_LOG,),
    "DetectDriftFunctionArn": (RECORD_LOG,),
    "PlanBatchFunctionArn": (REQUESTS,),
}
"""What is read beside the lake."""


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
        self.training_input = {"raw": self.raw_uri, "recorded": True}
        """What schedule and drift alarm train on: the shop's log and what the service recorded."""
        self.failures = self._failure_topic()
        self.undelivered = dead_letter_queue(self, "Undelivered")
        around = {
            "ENDCAP_LAKE_URI": lake_uri(stateful.bucket),
            _DATABASE: stateful.database.ref,
            "ENDCAP_CACHE_DIR": _LAMBDA_CACHE,
            "ENDCAP_CACHE_KEEP_MIB": "2048",
            "ENDCAP_CODE_VERSION": code_version,
            "ENDCAP_LOG_LEVEL": "INFO",
            "ENDCAP_RECORD_LOG_URI": stateful.record_log_uri(),
            "ENDCAP_DEPLOYMENT": deployment,
        }
        surroundings = Surroundings(around, config.pipeline.log_days)
        self.functions = {
            placeholder: add_function(self, placeholder, target, surroundings)
            for placeholder, target in TARGETS.items()
            if target.kind == "lambda" and not self._is_replaced(placeholder)
        }
        self._open_the_lake()
        self._backends = self._choose_backends(surroundings)
        self.machines = {machine: self._machine(machine) for machine in MACHINES}
        self._tell_of_failures()
        self._schedule()
        self._outputs()

    def _failure_topic(self) -> sns.Topic:
        # Not under a key of AWS's: CloudWatch and EventBridge could not publish to it, and a key
        # of ours costs while nothing runs. Messages name states and alarms, nobody's data.
        topic = sns.Topic(self, "Failures", enforce_ssl=True)
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
        for name, function in self.functions.items():
            allow_reading(function, self._stateful.bucket, LAKE, *_READS.get(name, ()))
            allow_writing(function, self._stateful.bucket, LAKE)
            if _DATABASE in TARGETS[name].environment:
                allow_registering(function, self._stateful.database)

    def _is_replaced(self, placeholder: str) -> bool:
        spark = self._config.pipeline.features_engine == "spark"
        return spark and placeholder == FEATURES_TARGET

    def _choose_backends(self, surroundings: Surroundings) -> list[Backend]:
        config, bucket = self._config.pipeline, self._stateful.bucket
        chosen: list[Backend] = [
            SageMakerTraining(self, config, bucket, surroundings)
            if config.training_backend == "sagemaker"
            else FargateTraining(self, config, bucket, surroundings)
        ]
        if config.features_engine == "spark":
            chosen.append(SparkFeatures(self, bucket, surroundings))
        return chosen

    def _machine(self, name: str) -> sfn.StateMachine:
        definition = read_definition(name)
        for backend in self._backends:
            definition = backend.rewritten(definition)
        text = json.dumps(definition)
        functions = {key: f for key, f in self.functions.items() if f"${{{key}}}" in text}
        used = [
            (backend, values)
            for backend in self._backends
            if (values := {k: v for k, v in backend.substitutions().items() if f"${{{k}}}" in text})
        ]
        machine = add_state_machine(
            self,
            name.title(),
            definition,
            substitutions={
                **{key: function.function_arn for key, function in functions.items()},
                **{key: value for _, values in used for key, value in values.items()},
            },
            log_days=self._config.pipeline.log_days,
        )
        allow_invoking(machine, list(functions.values()))
        for backend, _ in used:
            backend.allow(machine)
        if '"DISTRIBUTED"' in text:
            allow_children(self, f"{name.title()}Children", machine)
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
        self._start_on("training", pipeline.retrain, self.training_input)
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
