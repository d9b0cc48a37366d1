"""An AWS account in moto's server, to create stacks in, and to run their state machines."""

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto.awslambda.models import ImageConfig, LambdaFunction
from moto.core.config import default_user_config
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from infra_local.invocation import Bench
from infra_local.journal import Journal
from infra_local.machine import PLACEHOLDER
from infra_local.moto_seam import interpreter
from infra_local.scratch import scratch_folder
from infra_local.service_calls import ServiceCalls
from infra_local.worker_pool import WorkerPool
from state_machines.targets import Target
from tests.infra_cdk.assembly import Resource, Template
from tests.moto_server import moto_server

REGION = "eu-central-1"
UNKNOWN_TO_MOTO = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogStream",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
"""Types that moto's CloudFormation cannot create; `test_templates` looks at them instead."""

DATABASE = "catalogue-1a2b3c"
"""The Glue database, created by hand, under a name like those that CloudFormation gives."""

ASSETS = f"cdk-hnb659fds-assets-123456789012-{REGION}"
"""The bucket that `cdk bootstrap` makes for a deployment's files."""

PATIENCE_SECONDS = 300

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
}


@dataclass(frozen=True)
class Account:
    """What is known of it: its clients, and the outputs of its stacks."""

    endpoint: str
    scratch: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> BaseClient:
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def create(self, name: str, template: Template) -> None:
        """Create a stack of what moto knows, and note its outputs."""
        body = json.dumps(_known_to_moto(template.content))
        s3, formation = self.client("s3"), self.client("cloudformation")
        for function in template.of_type("AWS::Lambda::Function").values():
            if key := function["Properties"]["Code"].get("S3Key"):
                # What is in it is looked at elsewhere; here the code is run from where it lies.
                s3.put_object(Bucket=ASSETS, Key=key, Body=_empty_archive())
        s3.put_object(Bucket="templates", Key=name, Body=body.encode())
        formation.create_stack(
            StackName=name,
            TemplateURL=f"https://templates.s3.amazonaws.com/{name}",
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        for output in stack.get("Outputs", []):
            self.outputs[output["OutputKey"]] = output["OutputValue"]

    def environment_of(self, output: str) -> dict[str, str]:
        """Return what the function that an output names is told."""
        name = self.outputs[output]
        told = self.client("lambda").get_function_configuration(FunctionName=name)
        variables: dict[str, str] = told["Environment"]["Variables"]
        return {**variables, "ENDCAP_CACHE_DIR": str(self.scratch / "cache")}

    def execute(self, machine_arn: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Start an execution, wait for its end, and return its description."""
        steps = self.client("stepfunctions")
        started = steps.start_execution(stateMachineArn=machine_arn, input=json.dumps(payload))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told: dict[str, Any] = steps.describe_execution(executionArn=started["executionArn"])
            if told["status"] != "RUNNING":
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.2)

    def definition(self, machine_arn: str) -> dict[str, Any]:
        told = self.client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)
        definition: dict[str, Any] = json.loads(told["definition"])
        return definition

    @contextmanager
    def working(self, machine_arn: str, python_path: Path) -> Iterator[Journal]:
        """Have functions and tasks, as they were deployed, run as processes of this machine."""
        targets, variables = self._deployed(json.dumps(self.definition(machine_arn)))
        with scratch_folder() as scratch, WorkerPool(2) as pool:
            bench = Bench(
                pool=pool,
                scratch=scratch,
                log_folder=self.scratch,
                run_id="deployed",
                variables=variables,
                python_path=(str(python_path),),
            )
            journal = Journal({})
            with interpreter(ServiceCalls(bench, targets, frozenset(), journal)):
                yield journal

    def _deployed(self, definition: str) -> tuple[dict[str, Target], dict[str, str]]:
        """Return what runs behind each ARN of a definition, and what its environment holds."""
        targets: dict[str, Target] = {}
        variables: dict[str, str] = {}
        functions = self.client("lambda")
        for function in functions.list_functions()["Functions"]:
            arn = function["FunctionArn"]
            if arn in definition:
                told = function.get("Environment", {}).get("Variables", {})
                (command,) = function["ImageConfigResponse"]["ImageConfig"]["Command"]
                module = command.removesuffix(".handler")
                targets[arn] = Target(
                    "lambda", module, function["MemorySize"], function["Timeout"], tuple(told)
                )
                variables |= told
        tasks = self.client("ecs")
        for arn in tasks.list_task_definitions()["taskDefinitionArns"]:
            if arn in definition:
                task = tasks.describe_task_definition(taskDefinition=arn)["taskDefinition"]
                (container,) = task["containerDefinitions"]
                told = {pair["name"]: pair["value"] for pair in container["environment"]}
                python, dash_m, module = container["command"]
                assert (python, dash_m) == ("python", "-m")
                targets[arn] = Target("ecs", module, int(task["memory"]), 7200, tuple(told))
                variables |= told
        # A function's own disk; here each run of the tests has one of its own.
        assert variables["ENDCAP_CACHE_DIR"].startswith("/tmp/")  # noqa: S108
        return targets, {**variables, "ENDCAP_CACHE_DIR": str(self.scratch / "cache")}


@contextmanager
def account(scratch: Path) -> Iterator[Account]:
    """Give an empty, bootstrapped account, whose state machines moto's interpreter runs."""
    with moto_server() as endpoint:
        config: Any = default_user_config
        with (
            patch.dict(os.environ, {**KEYS, "AWS_ENDPOINT_URL": endpoint}),
            patch.dict(config["stepfunctions"], {"execute_state_machine": True}),
            patch.dict(config["lambda"], {"use_docker": False}),
            patch.object(StateMachine, "create_from_cloudformation_json", _create_machine),
            patch.object(LambdaFunction, "create_from_cloudformation_json", _create_function),
        ):
            cloud = Account(endpoint, scratch)
            cloud.client("ssm").put_parameter(
                Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
            )
            for bucket in ("templates", ASSETS):
                cloud.client("s3").create_bucket(
                    Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
                )
            cloud.client("glue").create_database(DatabaseInput={"Name": DATABASE})
            yield cloud


def _create_machine(
    resource_name: str,
    cloudformation_json: Mapping[str, Any],
    account_id: str,
    region_name: str,
    **_: object,
) -> StateMachine:
    """Create a state machine as CloudFormation does; moto leaves its substitutions out."""
    properties = cloudformation_json["Properties"]
    values = properties["DefinitionSubstitutions"]
    definition = PLACEHOLDER.sub(lambda match: values[match[1]], properties["DefinitionString"])
    backend = stepfunctions_parser_backends[account_id][region_name]
    return backend.create_state_machine(resource_name, definition, properties["RoleArn"])


_create_bare_function = LambdaFunction.create_from_cloudformation_json


def _create_function(
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **others: object,
) -> LambdaFunction:
    """Create a function as CloudFormation does; moto leaves the image's configuration out."""
    function = _create_bare_function(
        resource_name, cloudformation_json, account_id, region_name, **others
    )
    properties = cloudformation_json["Properties"]
    if "ImageConfig" in properties:
        function.package_type = properties["PackageType"]
        function.image_config = ImageConfig(properties["ImageConfig"])
    return function


def _empty_archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("empty", "")
    return data.getvalue()


def _known_to_moto(content: dict[str, Any]) -> dict[str, Any]:
    """Return the template without what moto cannot create; what refers to that has a name."""
    resources: dict[str, Resource] = content["Resources"]
    gone = {name for name, it in resources.items() if it["Type"] in UNKNOWN_TO_MOTO}
    standing_in = {
        name: DATABASE if resources[name]["Type"] == "AWS::Glue::Database" else name
        for name in gone
    }
    kept = {}
    for name, it in resources.items():
        if name not in gone:
            kept[name] = {key: _stood_in(value, standing_in) for key, value in it.items()}
            needs = it.get("DependsOn", [])
            needs = [needs] if isinstance(needs, str) else needs
            kept[name]["DependsOn"] = [need for need in needs if need not in gone]
    outputs = {
        name: {**output, "Value": _stood_in(output["Value"], standing_in)}
        for name, output in content.get("Outputs", {}).items()
    }
    return {**content, "Resources": kept, "Outputs": outputs}


def _stood_in(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        if value.get("Ref") in names:
            return names[value["Ref"]]
        if (attribute := value.get("Fn::GetAtt")) and attribute[0] in names:
            return f"arn:aws:service:{REGION}:123456789012:{names[attribute[0]]}"
        return {key: _stood_in(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [_stood_in(part, names) for part in value]
    return value
