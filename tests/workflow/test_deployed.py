"""The synthesised templates run: stacks are created from them, and what they deploy is used.

Names come from the stacks' outputs and from the environment that the templates give. The tests go
on from each other: there is one account, in which a log is uploaded, a model trained, a visitor
answered, and the traffic looked at.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.gateway import http_event
from tests.infra_cdk.assembly import ROOT, Assembly
from tests.infra_cdk.moto_account import Account, account
from tests.workflow.command_line import champion_of, list_models

pytestmark = pytest.mark.slow

STACKS = ("stateful", "pipeline", "serving", "monitoring")
CALL = """
import json, sys
from api.handler import handler
for line in sys.stdin:
    print(json.dumps(handler(json.loads(line), None)))
"""


@pytest.fixture(scope="module")
def deployed(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("account")) as cloud:
        for stack in STACKS:
            cloud.create(f"endcap-dev-eu-central-1-{stack}", assembly.template(stack))
        yield cloud


@pytest.fixture(scope="module")
def champion(deployed: Account, tiny_shop: Path, quick_config: Path) -> dict[str, Any]:
    """What the deployed training workflow promoted, after the log was uploaded."""
    s3, bucket = deployed.client("s3"), deployed.outputs["LakeBucket"]
    for file in tiny_shop.glob("*.csv"):
        s3.upload_file(str(file), bucket, f"raw/current/{file.name}")
    s3.upload_file(str(quick_config), bucket, "lake/objects/settings/quick.json")

    machine = deployed.outputs["TrainingStateMachine"]
    payload = {
        "raw": f"{deployed.outputs['RawUri']}/current",
        "recorded": True,
        "config": "settings/quick.json",
    }
    with deployed.working(machine, ROOT):
        told = deployed.execute(machine, payload)

    assert told["status"] == "SUCCEEDED", told
    body = s3.get_object(Bucket=bucket, Key="lake/objects/champion.json")["Body"].read()
    record: dict[str, Any] = json.loads(body)
    assert told["executionArn"].endswith(f":{record['run_id']}")
    return record


def test_the_deployed_workflow_leaves_the_champion_that_any_other_machine_would(
    deployed: Account, champion: dict[str, Any], finished_lake: Path
) -> None:
    assert champion["version"] == champion_of(list_models(finished_lake))["version"]
    glue = deployed.client("glue")
    tables = glue.get_tables(DatabaseName=deployed.outputs["GlueDatabase"])["TableList"]
    assert {"interactions", "recommendations"} <= {table["Name"] for table in tables}


def test_the_deployed_service_takes_an_event_and_answers(
    deployed: Account, champion: dict[str, Any]
) -> None:
    variables = deployed.environment_of("ServiceFunction")
    firehose, bucket = deployed.client("firehose"), deployed.outputs["LakeBucket"]
    for stream in ("EventsStream", "ExposuresStream", "ErasuresStream"):
        assert stream in variables["ENDCAP_RECORD_LOG_URI"]
        firehose.create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/delivery",
                "BucketARN": f"arn:aws:s3:::{bucket}",
                "Prefix": f"delivered/{stream}/",
            },
        )
    event = {"user_id": "ann", "item_id": "120", "event_type": "view", "event_id": "e1"}
    requests = [
        http_event("POST", "/v1/events", body=json.dumps(event).encode()),
        http_event("GET", "/v1/users/ann/recommendations", query="k=5"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        input="".join(json.dumps(request) + "\n" for request in requests),
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )

    told, answer = map(json.loads, done.stdout.splitlines())
    assert (told["statusCode"], json.loads(told["body"])["accepted"]) == (200, 1), done.stderr
    body = json.loads(answer["body"])
    assert (body["model_version"], len(body["items"])) == (champion["version"], 5)
    assert body["degraded"] == []
    table = deployed.outputs["HistoryTable"]
    assert deployed.client("dynamodb").scan(TableName=table)["Count"] == 2


def test_the_deployed_monitoring_looks_at_what_was_delivered(
    deployed: Account, champion: dict[str, Any]
) -> None:
    now_ms = champion["cut_ms"] + 3_600_000
    received = datetime.fromtimestamp(champion["cut_ms"] / 1000, tz=UTC)
    fields = {"user_id": "ann", "item_id": "120", "event_type": "view", "event_id": "e1"}
    record = {"received_ms": champion["cut_ms"], "fields": {**fields, "time_ms": now_ms - 1000}}
    deployed.client("s3").put_object(
        Bucket=deployed.outputs["LakeBucket"],
        Key=f"record-log/events/{received:%Y/%m/%d/%H}/part",
        Body=json.dumps(record).encode() + b"\n",
    )
    machine = deployed.outputs["MonitoringStateMachine"]

    with deployed.working(machine, ROOT):
        told = deployed.execute(machine, {"now_ms": now_ms})

    assert told["status"] == "SUCCEEDED", told
    found = json.loads(told["output"])
    assert found["metrics"]["answer"]["events"] == 1
    assert found["published"]["answer"]["RetrainingAsked"] == 0.0
    log = next(deployed.scratch.glob("PublishMetrics-*.log")).read_text()
    line = json.loads(next(line for line in log.splitlines() if "_aws" in line))
    assert line["Deployment"] == "endcap-dev"
