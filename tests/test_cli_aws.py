"""The command line's part for AWS, as somebody types it."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from endcap.adapters.account_checks import BOOTSTRAP_PARAMETER
from endcap.cli_aws import read_place
from infra_cdk.config import read_deployment
from tests.infra_cdk.assembly import ROOT, Assembly
from tests.moto_server import moto_server
from tests.workflow.command_line import run_endcap, succeed

CONFIG = ROOT / "endcap.toml"
LOAD = ("--events-per-month", "2e6", "--requests-per-month", "5e6", "--users", "3e5")


@pytest.fixture(scope="module")
def cloud() -> Iterator[dict[str, str]]:
    """What leads to an account of moto's, with a stack that has a lake."""
    with moto_server() as endpoint:
        session = boto3.Session("testing", "testing", region_name="eu-central-1")
        body = {
            "Resources": {"Lake": {"Type": "AWS::S3::Bucket"}},
            "Outputs": {"LakeBucket": {"Value": {"Ref": "Lake"}}},
        }
        session.client("cloudformation", endpoint_url=endpoint).create_stack(
            StackName="shop-stateful", TemplateBody=json.dumps(body)
        )
        session.client("ssm", endpoint_url=endpoint).put_parameter(
            Name=BOOTSTRAP_PARAMETER, Value="30", Type="String"
        )
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }


def test_costs_are_told_as_a_table_and_as_json(assembly: Assembly) -> None:
    place = ("--config", CONFIG, "--stage", "prod", "--region", "us-east-1")
    arguments = ("cost", *place, "--templates", assembly.folder, *LOAD)

    printed = succeed(*arguments)
    costs = json.loads(succeed(*arguments, "--json"))

    assert "a month without any use" in printed
    assert "three nodes on EKS" in printed
    assert "Amazon Personalize" in printed
    assert costs["month"]["unknown"] == []
    assert 0 < costs["idle"]["low"] < costs["month"]["low"] < costs["kubernetes"]["low"]
    assert costs["prices"]["as_of"] in printed


def test_unused_dev_is_paid_for_by_what_is_stored(assembly: Assembly) -> None:
    place = ("--config", CONFIG, "--stage", "dev", "--templates", assembly.folder)
    costs = json.loads(succeed("cost", *place, "--json"))

    assert {line["kind"] for line in costs["idle"]["lines"]} == {"storage"}
    printed = succeed("cost", *place)
    assert "Without any use it is paid for: storage" in printed
    # Not every price of this region is in the list.
    assert "No known price, and so in no sum: " in printed
    assert "> " in printed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--stage", "none"), "has no stage 'none'"),
        (("--region", "mars-1"), "dev is not deployed in mars-1: eu-central-1"),
        (("--templates", "/nowhere"), "`make synth` writes them"),
        (("--prices", "/nowhere.toml"), "is no price list"),
    ],
)
def test_what_is_wrong_with_a_question_of_costs_is_said(
    assembly: Assembly, arguments: tuple[str, str], complaint: str
) -> None:
    done = run_endcap("cost", "--config", CONFIG, "--templates", assembly.folder, *arguments)

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_finds_what_is_missing_and_says_so_by_its_exit_code(
    cloud: dict[str, str],
) -> None:
    place = ("--config", CONFIG, "--json")
    fine = {
        check["name"]: check for check in json.loads(run_endcap("doctor", *place, env=cloud).stdout)
    }
    assert fine["CDK bootstrap"]["verdict"] == "ok"

    nobody = {**cloud, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    nobody |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    lost = run_endcap("doctor", "--config", CONFIG, env=nobody)
    assert lost.returncode == 1
    assert "AWS_PROFILE" in lost.stdout


def test_a_log_is_uploaded_once(cloud: dict[str, str], tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "truth").mkdir(parents=True)
    (raw / "events.csv").write_text("timestamp,visitorid\n")
    (raw / "truth" / "users.csv").write_text("user\n")

    arguments = ("upload", "--raw", raw, "--stack", "shop-stateful")
    first, again = (succeed(*arguments, env=cloud) for _ in range(2))

    assert "2 files are in s3://" in first
    assert "/raw/current (25 bytes sent)" in first
    assert "(0 bytes sent)" in again


def test_a_stack_that_is_not_there_is_named(cloud: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("x\n")

    done = run_endcap("upload", "--raw", tmp_path, "--stack", "other", env=cloud)

    assert done.returncode == 1
    assert "no stack 'other'" in done.stderr


def test_what_the_file_leaves_out_is_what_the_deployment_takes(tmp_path: Path) -> None:
    config = tmp_path / "endcap.toml"
    config.write_text("[stages.dev]\n")

    deployment = read_deployment(config)

    place = (deployment.name, deployment.stages["dev"].regions[0])
    assert read_place(config, "dev", None) == place
