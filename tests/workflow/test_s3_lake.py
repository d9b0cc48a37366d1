"""The same workflow on a lake in a bucket, with moto's server in the place of AWS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from tests.moto_server import moto_server
from tests.workflow.command_line import champion_of, list_models, succeed

pytestmark = pytest.mark.slow

BUCKET, PREFIX, DATABASE = "shop-bucket", "some/lake", "shop"
LAKE = f"s3://{BUCKET}/{PREFIX}"


@dataclass(frozen=True)
class Cloud:
    """A stand-in for AWS, the environment that leads to it, and what a run on it printed."""

    s3: BaseClient
    glue: BaseClient
    env: dict[str, str]
    printed: str

    def object(self, path: str) -> bytes:
        """Return a small object of the lake."""
        key = f"{PREFIX}/objects/{path}"
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def cloud(
    tiny_shop: Path, quick_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    with moto_server() as endpoint:
        session = boto3.Session("testing", "testing", region_name="eu-west-1")
        s3 = session.client("s3", endpoint_url=endpoint)
        glue = session.client("glue", endpoint_url=endpoint)
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        glue.create_database(DatabaseInput={"Name": DATABASE})
        env = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "ENDCAP_GLUE_DATABASE": DATABASE,
            "ENDCAP_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        }
        arguments = ("--raw", tiny_shop, "--lake", LAKE, "--config", quick_config)
        printed = succeed("run", *arguments, "--run-id", "in-the-cloud", env=env)
        yield Cloud(s3, glue, env, printed)


def test_the_champion_is_in_the_bucket_and_is_the_model_of_any_other_lake(
    cloud: Cloud, finished_lake: Path
) -> None:
    champion = json.loads(cloud.object("champion.json"))
    models = json.loads(succeed("models", "list", "--lake", LAKE, "--json", env=cloud.env))
    assert [model["version"] for model in models] == [champion["version"]]
    here = champion_of(list_models(finished_lake))
    assert champion_of(models)["version"] == here["version"]
    assert champion_of(models)["files"] == here["files"]
    assert f"Promoted {champion['version']} (run in-the-cloud, " in cloud.printed


def test_the_tables_of_the_run_are_in_the_catalogue(cloud: Cloud) -> None:
    tables = {
        table["Name"]: table["StorageDescriptor"]
        for table in cloud.glue.get_tables(DatabaseName=DATABASE)["TableList"]
    }
    assert set(tables) == {
        "interactions",
        "item_properties",
        "categories",
        "quarantine",
        "recommendations",
    }
    columns = {column["Name"]: column["Type"] for column in tables["interactions"]["Columns"]}
    assert columns["user_id"] == "string"
    assert columns["event_time"] == "timestamp"
    for table in tables.values():
        location = table["Location"].removeprefix(f"s3://{BUCKET}/")
        listing = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=location)
        assert listing["KeyCount"] > 0
    days = cloud.glue.get_partitions(DatabaseName=DATABASE, TableName="interactions")["Partitions"]
    assert len(days) > 50


def test_the_report_and_the_logs_of_the_states_are_in_the_bucket(cloud: Cloud) -> None:
    report = json.loads(cloud.object("runs/in-the-cloud/report.json"))
    assert report["status"] == "SUCCEEDED"
    logs = [state["log_file"] for state in report["states"] if state["log_file"]]
    assert len(logs) > 15
    for log in logs:
        cloud.object(f"runs/in-the-cloud/logs/{log}")


def test_the_lake_is_read_from_anywhere(cloud: Cloud, finished_lake: Path, tmp_path: Path) -> None:
    elsewhere = {**cloud.env, "ENDCAP_CACHE_DIR": str(tmp_path / "cache")}
    board = succeed("scoreboard", "--lake", LAKE, "--json", env=elsewhere)
    assert board == succeed("scoreboard", "--lake", finished_lake, "--json")

    asked = tmp_path / "requests.jsonl"
    asked.write_text('{"id": 1, "events": [{"item_id": "120"}]}\n{"id": "2", "events": []}\n')
    answers = {}
    for lake, env in ((LAKE, elsewhere), (str(finished_lake), {})):
        files = ("--input", asked, "--output", tmp_path / "recommendations.jsonl")
        succeed("batch", "--lake", lake, *files, env=env)
        answers[lake] = (tmp_path / "recommendations.jsonl").read_text()
    assert len(answers[LAKE].splitlines()) == 2
    assert answers[LAKE] == answers[str(finished_lake)]

    options = ("--user", "181", "--k", "5", "--json")
    found: dict[str, Any] = json.loads(
        succeed("recommend", "--lake", LAKE, *options, env=elsewhere)
    )
    assert len(found["items"]) == 5
    assert found["known_events"] > 0
