"""What must hold of every template, whatever else changes in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.settings import read_service_settings
from endcap.adapters import embedded_metrics, s3_lake
from endcap.adapters.account_checks import BOOTSTRAP_VERSION
from endcap.ports import STREAMS
from endcap.settings import read_settings
from infra_cdk.components.lake_access import RECORD_STREAMS, RETIRED_TAG
from infra_cdk.stacks.monitoring import DIMENSION, NAMESPACE
from state_machines.targets import TARGETS
from tests.infra_cdk.assembly import Assembly, Resource, Template
from tests.infra_cdk.moto_account import UNKNOWN_TO_MOTO

ALWAYS_ON = {
    "AWS::EC2::NatGateway",
    "AWS::EC2::Instance",
    "AWS::EC2::EIP",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancing::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::NotebookInstance",
    "AWS::RDS::DBInstance",
    "AWS::ElastiCache::CacheCluster",
    "AWS::Kinesis::Stream",
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::WebACL",
}
"""What costs by the hour or the month, used or not."""

UNSCOPABLE = {
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""Actions that AWS offers no resource for."""

STATEFUL_IDS = {
    "AWS::S3::Bucket": {"AccessLogs8B620ECA", "Lake5F1B88EA"},
    "AWS::DynamoDB::Table": {"HistoriesAFA3AEF4"},
    "AWS::Glue::Database": {"Catalogue"},
    "AWS::KinesisFirehose::DeliveryStream": {"EventsStream", "ExposuresStream", "ErasuresStream"},
}
"""Logical ids of what holds data. One that changes would be replaced, and so left empty."""


@pytest.fixture(scope="module")
def templates(assembly: Assembly) -> list[Template]:
    return list(assembly.templates())


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, policy in template.of_type("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield f"{template}/{name}", statement
    for name, role in template.of_type("AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield f"{template}/{name}", statement


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


def every(templates: list[Template], *types: str) -> Iterator[tuple[str, Resource]]:
    for template in templates:
        for name, resource in template.of_type(*types).items():
            yield f"{template}/{name}", resource


def test_every_stage_has_its_stacks_in_every_region(templates: list[Template]) -> None:
    stacks = ("stateful", "pipeline", "serving", "monitoring")
    places = (("dev", "eu-central-1"), ("prod", "eu-central-1"), ("prod", "us-east-1"))
    assert {str(template) for template in templates} == {
        f"{stage}-{region}-{stack}" for stage, region in places for stack in stacks
    }


def test_no_action_has_a_star_and_no_resource_that_could_be_named(
    templates: list[Template],
) -> None:
    unscoped = set()
    for template in templates:
        for name, statement in statements(template):
            actions = set(as_list(statement["Action"]))
            assert not [action for action in actions if "*" in action], name
            if "*" in as_list(statement["Resource"]):
                assert actions <= UNSCOPABLE, (name, actions - UNSCOPABLE)
                unscoped |= actions
    assert unscoped == UNSCOPABLE


def test_whoever_reads_the_lake_is_told_what_is_absent_and_what_is_refused(
    templates: list[Template],
) -> None:
    listing = [
        statement
        for template in templates
        for _, statement in statements(template)
        if "s3:ListBucket" in as_list(statement["Action"])
    ]
    assert listing
    # Under a condition that it cannot meet, S3 would answer 403 instead of 404.
    assert [statement for statement in listing if "Condition" in statement] == []


def test_nothing_stands_by_for_money(templates: list[Template]) -> None:
    assert [name for name, _ in every(templates, *ALWAYS_ON)] == []
    for name, endpoint in every(templates, "AWS::EC2::VPCEndpoint"):
        assert endpoint["Properties"]["VpcEndpointType"] == "Gateway", name
    for name, alias in every(templates, "AWS::Lambda::Alias"):
        assert "ProvisionedConcurrencyConfig" not in alias["Properties"], name
    for name, table in every(templates, "AWS::DynamoDB::Table"):
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST", name


def test_alarms_and_dashboards_stay_within_what_costs_nothing(templates: list[Template]) -> None:
    # CloudWatch's free tier, which does not expire: ten alarm metrics and three dashboards.
    dev = [template for template in templates if template.stage == "dev"]
    alarms = [alarm["Properties"] for _, alarm in every(dev, "AWS::CloudWatch::Alarm")]
    watched = [
        metric
        for alarm in alarms
        for metric in alarm.get("Metrics", [{"MetricStat": alarm.get("MetricName")}])
        if "MetricStat" in metric
    ]
    assert len(alarms) == 9
    assert len(watched) <= 10
    assert len(list(every(dev, "AWS::CloudWatch::Dashboard"))) == 1


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_what_holds_data_keeps_its_logical_id(assembly: Assembly, stage: str) -> None:
    template = assembly.template("stateful", stage)
    for kind, ids in STATEFUL_IDS.items():
        assert set(template.of_type(kind)) == ids


def test_data_outlive_their_stack(templates: list[Template]) -> None:
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Glue::Database", "AWS::Glue::Table")
    found = list(every(templates, *kinds))
    assert len(found) == 7 * 3
    for name, resource in found:
        assert resource["DeletionPolicy"] == "Retain", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_nothing_has_a_physical_name(templates: list[Template]) -> None:
    names = {
        "AWS::S3::Bucket": "BucketName",
        "AWS::DynamoDB::Table": "TableName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::IAM::Role": "RoleName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::SQS::Queue": "QueueName",
        "AWS::StepFunctions::StateMachine": "StateMachineName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::ECS::Cluster": "ClusterName",
        "AWS::Events::Rule": "Name",
        "AWS::Scheduler::Schedule": "Name",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    }
    for kind, key in names.items():
        found = list(every(templates, kind))
        assert found, kind
        for name, resource in found:
            assert key not in resource["Properties"], name


def test_buckets_are_closed_encrypted_and_speak_tls_alone(templates: list[Template]) -> None:
    for name, bucket in every(templates, "AWS::S3::Bucket"):
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert properties["BucketEncryption"], name
        assert properties["OwnershipControls"], name
    policies = list(every(templates, "AWS::S3::BucketPolicy"))
    assert len(policies) == 2 * 3
    for name, policy in policies:
        denied = [
            statement["Condition"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied, name


def test_the_lake_forgets_what_nothing_needs_and_nothing_else(assembly: Assembly) -> None:
    template = assembly.template("stateful", "prod")
    properties = template.resources["Lake5F1B88EA"]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    expiring = {name for name, rule in rules.items() if "ExpirationInDays" in rule}
    assert expiring == {"retired-models-end"}
    ((key, value),) = [(t["Key"], t["Value"]) for t in rules["retired-models-end"]["TagFilters"]]
    assert (key, value) == RETIRED_TAG == s3_lake.RETIRED_TAG
    (move,) = rules["raw-logs-rest"]["Transitions"]
    assert move["StorageClass"] == "STANDARD_IA"
    assert rules["raw-logs-rest"]["Prefix"] == "raw/"


def test_histories_expire_and_can_be_restored(assembly: Assembly) -> None:
    (table,) = assembly.template("stateful").of_type("AWS::DynamoDB::Table").values()
    properties = table["Properties"]
    assert properties["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["user_id", "moment"]


def test_delivery_streams_deliver_where_the_service_reads(assembly: Assembly) -> None:
    assert RECORD_STREAMS == STREAMS
    template = assembly.template("stateful")
    for name, stream in template.of_type("AWS::KinesisFirehose::DeliveryStream").items():
        target = stream["Properties"]["ExtendedS3DestinationConfiguration"]
        kind = name.removesuffix("Stream").lower()
        # No expression of its own: Firehose appends YYYY/MM/dd/HH/, which the reader counts on.
        assert target["Prefix"] == f"record-log/{kind}/"
        assert target["CompressionFormat"] == "UNCOMPRESSED"
        assert stream["Properties"]["DeliveryStreamEncryptionConfigurationInput"]


def test_queues_and_topics_speak_tls_alone(templates: list[Template]) -> None:
    for name, queue in every(templates, "AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True, name
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, policy in every(templates, kind):
            assert "aws:SecureTransport" in json.dumps(policy), name


def test_log_groups_end_and_every_function_has_one(templates: list[Template]) -> None:
    for name, group in every(templates, "AWS::Logs::LogGroup"):
        assert group["Properties"]["RetentionInDays"] <= 365, name
    for name, function in every(templates, "AWS::Lambda::Function"):
        properties = function["Properties"]
        assert properties["Timeout"] <= 900, name
        assert properties["MemorySize"] >= 512, name
        assert properties["LoggingConfig"]["LogGroup"], name


def test_what_is_called_asynchronously_has_somewhere_to_fail_to(
    templates: list[Template],
) -> None:
    for name, schedule in every(templates, "AWS::Scheduler::Schedule"):
        assert schedule["Properties"]["Target"]["DeadLetterConfig"], name
    for name, rule in every(templates, "AWS::Events::Rule"):
        for target in rule["Properties"]["Targets"]:
            assert target["DeadLetterConfig"], name


def test_every_target_is_deployed_as_the_table_says(assembly: Assembly) -> None:
    template = assembly.template("pipeline")
    functions = {
        resource["Properties"]["ImageConfig"]["Command"][0]: resource["Properties"]
        for resource in template.of_type("AWS::Lambda::Function").values()
    }
    tasks = {
        resource["Properties"]["ContainerDefinitions"][0]["Command"][-1]: resource["Properties"]
        for resource in template.of_type("AWS::ECS::TaskDefinition").values()
    }
    assert len(functions) + len(tasks) == len(TARGETS)
    for target in TARGETS.values():
        if target.kind == "lambda":
            deployed = functions[f"{target.module}.handler"]
            assert deployed["MemorySize"] == target.memory_mib
            assert deployed["Timeout"] == target.timeout_seconds
            assert set(deployed["Environment"]["Variables"]) == set(target.environment)
        else:
            assert tasks[target.module]["Memory"] == str(target.memory_mib)


def test_no_placeholder_is_left_without_its_substitution(assembly: Assembly) -> None:
    machines = assembly.template("pipeline").of_type("AWS::StepFunctions::StateMachine")
    assert len(machines) == 3
    for machine in machines.values():
        properties = machine["Properties"]
        used = set(re.findall(r"\$\{([A-Za-z0-9]+)\}", properties["DefinitionString"]))
        assert used == set(properties["DefinitionSubstitutions"])
        assert properties["TracingConfiguration"]["Enabled"]
        assert properties["LoggingConfiguration"]["Level"] == "ALL"


def test_spare_capacity_comes_first_and_then_what_is_sure(assembly: Assembly) -> None:
    machines = assembly.template("pipeline").of_type("AWS::StepFunctions::StateMachine")
    (training,) = [m for name, m in machines.items() if name.startswith("Training")]
    values = training["Properties"]["DefinitionSubstitutions"]
    first, *others = values["TrainingCapacityProviders"].split(",")
    assert first == "FARGATE_SPOT"
    assert set(others) == {"FARGATE"}
    assert values["AssignPublicIp"] == "ENABLED"


def test_containers_can_be_reached_by_nobody(templates: list[Template]) -> None:
    for name, group in every(templates, "AWS::EC2::SecurityGroup"):
        assert "SecurityGroupIngress" not in group["Properties"], name
        (out,) = group["Properties"]["SecurityGroupEgress"]
        assert (out["FromPort"], out["ToPort"]) == (443, 443), name
    assert list(every(templates, "AWS::EC2::SecurityGroupIngress")) == []


def test_the_service_is_told_what_it_reads(assembly: Assembly) -> None:
    (function,) = assembly.template("serving").of_type("AWS::Lambda::Function").values()
    variables = function["Properties"]["Environment"]["Variables"]
    told = {name: flat(value) for name, value in variables.items()}
    told["ENDCAP_LAKE_URI"] = "s3://bucket/lake"

    settings, own = read_settings(told), read_service_settings(told)

    assert settings.cache_dir.as_posix() == "/tmp/endcap"  # noqa: S108
    assert own.history_uri.startswith("dynamodb://")
    for stream in STREAMS:
        assert f"{stream}=" in own.record_log_uri
    # A snapshot costs while nobody calls: dev does without.
    assert "SnapStart" not in function["Properties"]
    (prod,) = assembly.template("serving", "prod").of_type("AWS::Lambda::Function").values()
    assert prod["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert function["Properties"]["Architectures"] == ["arm64"]


def test_the_api_needs_credentials_and_is_throttled(assembly: Assembly) -> None:
    template = assembly.template("serving", "prod")
    (route,) = template.of_type("AWS::ApiGatewayV2::Route").values()
    assert route["Properties"]["AuthorizationType"] == "AWS_IAM"
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    limits = stage["Properties"]["DefaultRouteSettings"]
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (500, 1000)
    told = stage["Properties"]["AccessLogSettings"]["Format"]
    assert "$context.path" not in told
    assert "routeKey" in told
    (api,) = template.of_type("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["ProtocolType"] == "HTTP"
    (integration,) = template.of_type("AWS::ApiGatewayV2::Integration").values()
    assert integration["Properties"]["PayloadFormatVersion"] == "2.0"
    # The alias, not the function: a new version comes by the canary.
    assert "Live" in json.dumps(integration["Properties"]["IntegrationUri"])


def test_a_new_version_is_rolled_back_on_an_alarm(assembly: Assembly) -> None:
    template = assembly.template("serving")
    (group,) = template.of_type("AWS::CodeDeploy::DeploymentGroup").values()
    properties = group["Properties"]
    assert properties["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert len(properties["AlarmConfiguration"]["Alarms"]) == 2
    assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
    (alias,) = template.of_type("AWS::Lambda::Alias").values()
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]


def test_an_alarm_for_retraining_starts_the_training_machine(assembly: Assembly) -> None:
    template = assembly.template("monitoring")
    rules = template.of_type("AWS::Events::Rule")
    (rule,) = rules.values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["detail"] == {"state": {"value": ["ALARM"]}}
    (alarm,) = pattern["resources"]
    watched = template.resources[alarm["Fn::GetAtt"][0]]["Properties"]
    assert (watched["Namespace"], watched["MetricName"]) == ("Endcap", "RetrainingAsked")
    (target,) = rule["Properties"]["Targets"]
    assert "Training" in json.dumps(target["Arn"])
    assert "raw/current" in json.dumps(target["Input"])


def test_alarms_watch_the_numbers_that_are_published() -> None:
    assert (NAMESPACE, DIMENSION) == (embedded_metrics.NAMESPACE, embedded_metrics.DIMENSION)


def test_every_alarm_tells_somebody_and_says_where_to_read_on(templates: list[Template]) -> None:
    for name, alarm in every(templates, "AWS::CloudWatch::Alarm"):
        assert alarm["Properties"]["AlarmActions"], name
        assert "docs/aws.md#" in alarm["Properties"]["AlarmDescription"], name


def test_everything_that_can_be_is_tagged_with_shop_and_stage(templates: list[Template]) -> None:
    wanted = {"endcap:shop", "endcap:stage"}
    for kind in ("AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"):
        for name, resource in every(templates, kind):
            assert wanted <= {tag["Key"] for tag in resource["Properties"]["Tags"]}, name


def test_only_prod_is_protected_from_deletion(assembly: Assembly) -> None:
    for nested in assembly.folder.glob("assembly-*"):
        manifest = json.loads((nested / "manifest.json").read_text())
        for artifact in manifest["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                is_protected = artifact["properties"].get("terminationProtection", False)
                stateful = artifact["displayName"].endswith("/stateful")
                assert is_protected == (stateful and "-prod-" in nested.name)


def flat(value: Any) -> str:  # noqa: ANN401
    """Return a value of a template as text, with a word for what is known at deployment."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    return "".join(map(flat, argument[1])) if function == "Fn::Join" else "word"


def test_the_doctor_asks_for_the_bootstrap_that_the_templates_need(assembly: Assembly) -> None:
    text = "".join(
        file.read_text(encoding="utf-8") for file in assembly.folder.rglob("manifest.json")
    )
    needed = max(map(int, re.findall(r'"requiresBootstrapStackVersion": (\d+)', text)))
    assert needed == BOOTSTRAP_VERSION


def test_whatever_the_stand_in_cannot_create_is_looked_at_here() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in sorted(UNKNOWN_TO_MOTO) if f'"{kind}"' not in here] == []


def test_the_cluster_has_spare_capacity_and_capacity_on_demand(assembly: Assembly) -> None:
    template = assembly.template("pipeline")
    (offered,) = template.of_type("AWS::ECS::ClusterCapacityProviderAssociations").values()
    assert set(offered["Properties"]["CapacityProviders"]) == {"FARGATE", "FARGATE_SPOT"}


def test_the_fallback_share_is_read_off_the_services_log(assembly: Assembly) -> None:
    (found,) = assembly.template("monitoring").of_type("AWS::Logs::MetricFilter").values()
    assert found["Properties"]["FilterPattern"] == "{ $.fallback_share >= 0 }"
    (metric,) = found["Properties"]["MetricTransformations"]
    assert metric["MetricValue"] == "$.fallback_share"
    assert metric["MetricName"] == "FallbackShare-endcap-dev"


def test_only_its_own_api_may_call_the_service(assembly: Assembly) -> None:
    for permission in assembly.template("serving").of_type("AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert "execute-api" in json.dumps(properties["SourceArn"])
        assert "Live" in json.dumps(properties["FunctionName"])


def test_the_record_log_is_a_table_by_the_hour(assembly: Assembly) -> None:
    template = assembly.template("stateful")
    tables = template.of_type("AWS::Glue::Table").values()
    assert {table["Properties"]["TableInput"]["Name"] for table in tables} == {
        f"record_log_{stream}" for stream in STREAMS
    }
    for table in tables:
        parameters = table["Properties"]["TableInput"]["Parameters"]
        assert parameters["projection.hour.format"] == "yyyy/MM/dd/HH"
        assert "/${hour}" in json.dumps(parameters["storage.location.template"])


def test_each_stream_logs_what_it_could_not_deliver(assembly: Assembly) -> None:
    template = assembly.template("stateful")
    assert len(template.of_type("AWS::Logs::LogStream")) == len(STREAMS)


def test_the_rollout_is_codedeploys_for_functions(assembly: Assembly) -> None:
    (application,) = assembly.template("serving").of_type("AWS::CodeDeploy::Application").values()
    assert application["Properties"]["ComputePlatform"] == "Lambda"


def test_schedules_start_what_they_are_named_after(assembly: Assembly) -> None:
    schedules = assembly.template("pipeline").of_type("AWS::Scheduler::Schedule")
    inputs = {
        name: json.dumps(schedule["Properties"]["Target"]) for name, schedule in schedules.items()
    }
    assert len(inputs) == 2
    for name, target in inputs.items():
        machine = "Training" if name.startswith("Training") else "Monitoring"
        assert machine in target
        assert ("recorded" in target) is (machine == "Training")
