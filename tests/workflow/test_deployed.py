"""The synthesised templates run: stacks are created from them, and the deployed workflow trains."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra_cdk.assembly import ROOT, Assembly
from tests.infra_cdk.moto_account import Account, account
from tests.workflow.command_line import champion_of, list_models

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def deployed(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("account")) as cloud:
        for stack in ("stateful", "pipeline"):
            cloud.create(f"endcap-dev-eu-central-1-{stack}", assembly.template(stack))
        yield cloud


def test_the_deployed_workflow_trains_on_an_uploaded_log_and_leaves_a_champion(
    deployed: Account, tiny_shop: Path, quick_config: Path, finished_lake: Path
) -> None:
    s3, bucket = deployed.client("s3"), deployed.outputs["LakeBucket"]
    for file in tiny_shop.glob("*.csv"):
        s3.upload_file(str(file), bucket, f"raw/current/{file.name}")
    s3.upload_file(str(quick_config), bucket, "lake/objects/settings/quick.json")

    machine = deployed.outputs["TrainingStateMachine"]
    steps = deployed.client("stepfunctions")
    payload = {"raw": f"{deployed.outputs['RawUri']}/current", "config": "settings/quick.json"}
    with deployed.working(machine, ROOT):
        started = steps.start_execution(
            stateMachineArn=machine, name="first", input=json.dumps(payload)
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told = steps.describe_execution(executionArn=started["executionArn"])
            if told["status"] != "RUNNING":
                break
            assert time.monotonic() < deadline
            time.sleep(0.2)

    assert told["status"] == "SUCCEEDED", told
    body = s3.get_object(Bucket=bucket, Key="lake/objects/champion.json")["Body"].read()
    champion = json.loads(body)
    assert champion["run_id"] == "first"
    # The same log, the same code, the same model: deployed or at home.
    assert champion["version"] == champion_of(list_models(finished_lake))["version"]
    glue = deployed.client("glue")
    tables = glue.get_tables(DatabaseName=deployed.outputs["GlueDatabase"])["TableList"]
    assert {"interactions", "recommendations"} <= {table["Name"] for table in tables}
