"""Every option of the configuration, synthesised."""

import json
from pathlib import Path

import pytest

from tests.infra_cdk.assembly import Assembly, synthesise
from tests.workflow.built_once import built_once

OTHERS = """
name = "shoes"

[stages.test]
account = "123456789012"
regions = ["eu-west-1"]
tags = {team = "search"}

[stages.test.pipeline]
training_backend = "sagemaker"
sagemaker_instance = "ml.m6i.xlarge"
features_engine = "spark"

[stages.test.serving]
architecture = "x86_64"
auth = "jwt"
jwt_issuer = "https://login.example.com/"
jwt_audience = ["shop"]
provisioned_capacity = 2
peaks = [{schedule = "cron(0 17 * * ? *)", capacity = 10}]
domain = "recommend.example.com"
certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1-2"
operators = ["arn:aws:iam::123456789012:role/release"]

[stages.test.monitoring]
emails = ["ops@example.com"]

[stages.closed.pipeline]
network = "private"
spot = false
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    def build(folder: Path) -> None:
        config = folder.parent / "others.toml"
        config.write_text(OTHERS)
        done = synthesise(folder, config=str(config))
        assert done.returncode == 0, done.stderr

    return Assembly(built_once(tmp_path_factory, "cdk-out-others", build))


def definition(assembly: Assembly, stage: str, name: str = "Training") -> str:
    machines = assembly.template("pipeline", stage).of_type("AWS::StepFunctions::StateMachine")
    (machine,) = [it for logical, it in machines.items() if logical.startswith(name)]
    return str(machine["Properties"]["DefinitionString"])


def test_training_runs_on_sagemaker_from_the_same_image_and_needs_no_network(
    others: Assembly,
) -> None:
    template = others.template("pipeline", "test")
    states = definition(others, "test")
    assert states.count("sagemaker:createTrainingJob.sync") == 3
    assert "ecs:runTask" not in states
    for module in ("train_retrieval", "tune_ranker", "train_ranker"):
        assert f"training_jobs.{module}" in states
    assert not template.of_type("AWS::EC2::VPC", "AWS::ECS::Cluster", "AWS::ECS::TaskDefinition")


def test_features_are_built_by_spark_and_by_no_function(others: Assembly) -> None:
    template = others.template("pipeline", "test")
    states = json.loads(definition(others, "test"))
    branches = states["States"]["BuildFeatures"]["Branches"]
    jobs = [state for branch in branches for state in branch["States"].values()]
    assert {job["Resource"] for job in jobs} == {"arn:aws:states:::emr-serverless:startJobRun.sync"}
    (application,) = template.of_type("AWS::EMRServerless::Application").values()
    properties = application["Properties"]
    assert properties["AutoStopConfiguration"] == {"Enabled": True, "IdleTimeoutMinutes": 5}
    assert "InitialCapacity" not in properties
    functions = template.of_type("AWS::Lambda::Function").values()
    commands = [function["Properties"]["ImageConfig"]["Command"][0] for function in functions]
    assert "lambdas.build_features.handler.handler" not in commands


def test_a_token_a_domain_and_warm_capacity(others: Assembly) -> None:
    template = others.template("serving", "test")
    (authorizer,) = template.of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["Properties"]["JwtConfiguration"] == {
        "Audience": ["shop"],
        "Issuer": "https://login.example.com/",
    }
    (domain,) = template.of_type("AWS::ApiGatewayV2::DomainName").values()
    assert domain["Properties"]["DomainName"] == "recommend.example.com"
    (api,) = template.of_type("AWS::ApiGatewayV2::Api").values()
    assert api["Properties"]["DisableExecuteApiEndpoint"] is True
    (function,) = template.of_type("AWS::Lambda::Function").values()
    assert "SnapStart" not in function["Properties"]
    assert function["Properties"]["Architectures"] == ["x86_64"]
    (alias,) = template.of_type("AWS::Lambda::Alias").values()
    warm = alias["Properties"]["ProvisionedConcurrencyConfig"]
    assert warm == {"ProvisionedConcurrentExecutions": 2}
    (target,) = template.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    (action,) = target["Properties"]["ScheduledActions"]
    assert action["Schedule"] == "cron(0 17 * * ? *)"


def test_people_are_told_by_mail(others: Assembly) -> None:
    template = others.template("pipeline", "test")
    (subscription,) = template.of_type("AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Endpoint"] == "ops@example.com"


def test_a_closed_network_has_endpoints_and_no_way_out(others: Assembly) -> None:
    template = others.template("pipeline", "closed")
    assert not template.of_type("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway")
    kinds = [
        endpoint["Properties"]["VpcEndpointType"]
        for endpoint in template.of_type("AWS::EC2::VPCEndpoint").values()
    ]
    assert sorted(kinds) == ["Gateway", "Interface", "Interface", "Interface"]
    machines = template.of_type("AWS::StepFunctions::StateMachine")
    (training,) = [it for name, it in machines.items() if name.startswith("Training")]
    values = training["Properties"]["DefinitionSubstitutions"]
    assert values["AssignPublicIp"] == "DISABLED"
    assert set(values["TrainingCapacityProviders"].split(",")) == {"FARGATE"}


def test_two_shops_share_no_name(assembly: Assembly, others: Assembly) -> None:
    names = [
        {folder.name for folder in one.folder.glob("assembly-*")} for one in (assembly, others)
    ]
    assert not names[0] & names[1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = 'Big Shop'\n[stages.dev]", "name: String should match pattern"),
        ("[stages.dev]\nregions = ['Frankfurt']", "stages.dev.regions.0"),
        ("[stages.dev]\nregions = []", "stages.dev.regions"),
        ("[stages.dev]\nregion = 'eu-west-1'", "stages.dev.region: Extra inputs are not permitted"),
        ("[stages.dev.serving]\nauth = 'jwt'", "needs jwt_issuer and jwt_audience"),
        ("[stages.dev.serving]\ndomain = 'a.b'", "given together or not at all"),
        ("[stages.dev.serving]\ndisk_mib = 2048", "SnapStart works with disk_mib = 512 alone"),
        ("[stages.dev.serving]\nmemory_mib = 5", "stages.dev.serving.memory_mib"),
        ("[stages.dev.pipeline]\nretrain = 'daily'", "stages.dev.pipeline.retrain"),
        ("[stages.dev.pipeline]\ntraining_backend = 'ec2'", "'fargate' or 'sagemaker'"),
        ("stages = 3", "stages"),
        ("[stages", "is not TOML"),
    ],
)
def test_what_cannot_be_deployed_is_said_in_one_line(
    text: str, complaint: str, tmp_path: Path
) -> None:
    config = tmp_path / "endcap.toml"
    config.write_text(text)

    done = synthesise(tmp_path / "out", config=str(config))

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"endcap: {config}")
    assert complaint in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = synthesise(tmp_path / "out", config=str(tmp_path / "none.toml"))

    assert done.returncode == 1
    assert "no file" in done.stderr
