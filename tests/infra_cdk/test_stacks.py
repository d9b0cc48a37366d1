"""What each stack is for, and how its parts fit together."""

import json
import re
from typing import Any

from api.settings import read_service_settings
from endcap.adapters import embedded_metrics, s3_lake
from endcap.adapters.account_checks import BOOTSTRAP_VERSION
from endcap.ports import STREAMS
from endcap.settings import read_settings
from infra_cdk.components.lake_access import RECORD_STREAMS, RETIRED_TAG
from infra_cdk.stacks.monitoring import DIMENSION, NAMESPACE
from state_machines.targets import TARGETS
from tests.infra_cdk.assembly import Assembly


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
