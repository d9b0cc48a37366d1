"""Where the heavy states run: Fargate, SageMaker, EMR Serverless. Each has placeholders to fill."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_emrserverless as emr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.images import SPARK, TRAINING, image_asset
from infra_cdk.components.jobs import Surroundings, add_task
from infra_cdk.components.lake_access import LAKE, allow_reading, allow_writing
from infra_cdk.components.network import Network
from infra_cdk.components.permissions import acknowledge_stars, allow
from infra_cdk.components.state_machine import allow_running_tasks, joined
from infra_cdk.config import PipelineConfig
from state_machines.backends import on_sagemaker, on_spark, variable
from state_machines.targets import CONTAINER_ATTEMPTS, LAKE_ENVIRONMENT, TARGETS

_JOB_NAMES: Final = "A job's name is known only once it runs; the star stands behind a prefix."
_EMR_RELEASE: Final = "emr-7.9.0"
_EMR_IDLE_MINUTES: Final = 5
_EMR_PYTHON: Final = "/usr/bin/python3.11"


class Backend(Protocol):
    """Runs some of a definition's states."""

    def rewritten(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition with the states in the form that this service takes."""

    def substitutions(self) -> Mapping[str, str]:
        """Return placeholder -> value."""

    def allow(self, machine: sfn.StateMachine) -> None:
        """Let a state machine run these states."""


class FargateTraining(Construct):
    """A cluster with nothing in it, and a task definition for each container target."""

    def __init__(
        self, scope: Construct, config: PipelineConfig, bucket: s3.IBucket, around: Surroundings
    ) -> None:
        super().__init__(scope, "Fargate")
        self._spot = config.spot
        self._network = Network(self, "Network", kind=config.network)
        self._cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self._network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        acknowledge(
            self._cluster,
            {
                "AwsSolutions-ECS4": "Container insights cost by metric; a run's report already "
                "has each task's seconds and memory."
            },
        )
        self._tasks = {
            placeholder: add_task(self, placeholder, target, around)
            for placeholder, target in TARGETS.items()
            if target.kind == "ecs"
        }
        for task in self._tasks.values():
            allow_reading(task.task_role, bucket, LAKE)
            allow_writing(task.task_role, bucket, LAKE)

    def rewritten(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition: the ASL files are written for ECS."""
        return definition

    def substitutions(self) -> Mapping[str, str]:
        """Return the cluster, its network, and the task definitions."""
        first = "FARGATE_SPOT" if self._spot else "FARGATE"
        return {
            "EcsClusterArn": self._cluster.cluster_arn,
            "TrainingSubnets": joined(self._network.subnet_ids),
            "TrainingSecurityGroups": self._network.security_group.security_group_id,
            "TrainingCapacityProviders": ",".join([first] + ["FARGATE"] * (CONTAINER_ATTEMPTS - 1)),
            "AssignPublicIp": self._network.assign_public_ip,
            **{key: task.task_definition_arn for key, task in self._tasks.items()},
        }

    def allow(self, machine: sfn.StateMachine) -> None:
        """Let a state machine run the tasks."""
        allow_running_tasks(machine, self._cluster, list(self._tasks.values()))


class SageMakerTraining(Construct):
    """Training jobs from the image that Fargate would run."""

    def __init__(
        self, scope: Construct, config: PipelineConfig, bucket: s3.IBucket, around: Surroundings
    ) -> None:
        super().__init__(scope, "SageMaker")
        self._image = image_asset(self, "Image", TRAINING)
        self._instance = config.sagemaker_instance
        self._output = f"s3://{bucket.bucket_name}/{LAKE}/sagemaker"
        self._environment = {name: around.environment[name] for name in LAKE_ENVIRONMENT}
        self._role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        allow_reading(self._role, bucket, LAKE)
        allow_writing(self._role, bucket, LAKE)
        _allow_pulling(self._role, self._image)
        group = _arn(self, "logs", "log-group", "/aws/sagemaker/TrainingJobs:*")
        allow(
            self._role,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [group],
            star=_JOB_NAMES,
        )

    def rewritten(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition with training jobs in the place of tasks."""
        return on_sagemaker(definition)

    def substitutions(self) -> Mapping[str, str]:
        """Return image, instance, role, and the environment."""
        return {
            "TrainingImage": self._image.image_uri,
            "TrainingInstanceType": self._instance,
            "TrainingOutputUri": self._output,
            "TrainingRoleArn": self._role.role_arn,
            **{variable(name): value for name, value in self._environment.items()},
        }

    def allow(self, machine: sfn.StateMachine) -> None:
        """Let a state machine run training jobs."""
        jobs = Stack.of(self).format_arn(
            service="sagemaker", resource="training-job", resource_name="endcap-*"
        )
        actions = ["AddTags", "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"]
        allow(machine, [f"sagemaker:{action}" for action in actions], [jobs], star=_JOB_NAMES)
        _allow_passing(machine, self._role, "sagemaker.amazonaws.com")
        _allow_listening(machine, "StepFunctionsGetEventsForSageMakerTrainingJobsRule")


class SparkFeatures(Construct):
    """An EMR Serverless application that runs nothing until a job comes, and stops after it."""

    def __init__(self, scope: Construct, bucket: s3.IBucket, around: Surroundings) -> None:
        super().__init__(scope, "Spark")
        image = image_asset(self, "Image", SPARK)
        self._environment = {name: around.environment[name] for name in LAKE_ENVIRONMENT}
        self._application = emr.CfnApplication(
            self,
            "Application",
            release_label=_EMR_RELEASE,
            type="SPARK",
            architecture="X86_64",
            image_configuration=emr.CfnApplication.ImageConfigurationInputProperty(
                image_uri=image.image_uri
            ),
            auto_start_configuration=emr.CfnApplication.AutoStartConfigurationProperty(
                enabled=True
            ),
            auto_stop_configuration=emr.CfnApplication.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=_EMR_IDLE_MINUTES
            ),
            maximum_capacity=emr.CfnApplication.MaximumAllowedResourcesProperty(
                cpu="64 vCPU", memory="256 GB", disk="1000 GB"
            ),
        )
        # The service itself pulls the application's image.
        image.repository.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
                principals=[iam.ServicePrincipal("emr-serverless.amazonaws.com")],
            )
        )
        self._role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("emr-serverless.amazonaws.com")
        )
        allow_reading(self._role, bucket, LAKE)
        allow_writing(self._role, bucket, LAKE)

    def rewritten(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition with features built by Spark jobs."""
        return on_spark(definition)

    def substitutions(self) -> Mapping[str, str]:
        """Return the application, its role, and what spark-submit is told."""
        told = {**self._environment, "PYSPARK_PYTHON": _EMR_PYTHON, "PYTHONPATH": "/opt/endcap"}
        settings = {"spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": _EMR_PYTHON}
        for name, value in told.items():
            settings[f"spark.emr-serverless.driverEnv.{name}"] = value
            settings[f"spark.executorEnv.{name}"] = value
        return {
            "SparkApplicationId": self._application.attr_application_id,
            "SparkEntryPoint": "local:///opt/endcap/training_jobs/build_features_spark.py",
            "SparkParameters": " ".join(f"--conf {key}={value}" for key, value in settings.items()),
            "SparkRoleArn": self._role.role_arn,
        }

    def allow(self, machine: sfn.StateMachine) -> None:
        """Let a state machine run jobs of the application."""
        application = self._application.attr_arn
        allow(machine, ["emr-serverless:StartJobRun"], [application])
        allow(
            machine,
            ["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"],
            [f"{application}/jobruns/*"],
            star=_JOB_NAMES,
        )
        _allow_passing(machine, self._role, "emr-serverless.amazonaws.com")
        _allow_listening(machine, "StepFunctionsGetEventsForEMRServerlessRule")


def _allow_pulling(role: iam.Role, image: ecr_assets.DockerImageAsset) -> None:
    image.repository.grant_pull(role)
    acknowledge_stars(role, ["*"], "A registry's token is for the whole registry.")


def _allow_passing(machine: sfn.StateMachine, role: iam.Role, service: str) -> None:
    condition = {"StringEquals": {"iam:PassedToService": service}}
    allow(machine, ["iam:PassRole"], [role.role_arn], conditions=condition)


def _allow_listening(machine: sfn.StateMachine, rule: str) -> None:
    """Let a state machine learn, by a rule that AWS has named, that a job has ended."""
    arn = _arn(machine, "events", "rule", rule, arn_format=ArnFormat.SLASH_RESOURCE_NAME)
    allow(machine, ["events:DescribeRule", "events:PutRule", "events:PutTargets"], [arn])


def _arn(
    scope: Construct,
    service: str,
    resource: str,
    name: str,
    *,
    arn_format: ArnFormat = ArnFormat.COLON_RESOURCE_NAME,
) -> str:
    arn: str = Stack.of(scope).format_arn(
        service=service, resource=resource, resource_name=name, arn_format=arn_format
    )
    return arn
