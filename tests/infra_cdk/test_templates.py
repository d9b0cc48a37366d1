"""What must hold of every template, whatever else changes in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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


def test_containers_can_be_reached_by_nobody(templates: list[Template]) -> None:
    for name, group in every(templates, "AWS::EC2::SecurityGroup"):
        assert "SecurityGroupIngress" not in group["Properties"], name
        (out,) = group["Properties"]["SecurityGroupEgress"]
        assert (out["FromPort"], out["ToPort"]) == (443, 443), name
    assert list(every(templates, "AWS::EC2::SecurityGroupIngress")) == []


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


def test_whatever_the_stand_in_cannot_create_is_looked_at_here() -> None:
    here = "".join(
        file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py")
    )
    assert [kind for kind in sorted(UNKNOWN_TO_MOTO) if f'"{kind}"' not in here] == []
