"""The batch workflow: many histories, in shards, answered by one model."""

import json
from pathlib import Path

import pytest

from infra_local.execution import run_execution
from infra_local.records import ExecutionResult
from tests.workflow.command_line import champion_of, list_models, succeed

pytestmark = pytest.mark.slow


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    folder = tmp_path / "requests"
    folder.mkdir()
    for name, numbers in (("a", range(5)), ("b", range(5, 7))):
        lines = [{"id": n, "events": [{"item_id": str(120 + n)}]} for n in numbers]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def execute(lake: Path, folder: Path, run_id: str = "b1", **given: object) -> ExecutionResult:
    return run_execution(
        machine="batch",
        execution_input=given,
        lake_uri=str(lake),
        run_id=run_id,
        log_folder=folder / "logs",
        threads=2,
    )


def answers(lake: Path, run_id: str = "b1") -> list[str]:
    files = sorted((lake / "batch" / run_id / "recommendations").glob("*/part.jsonl"))
    return [line for file in files for line in file.read_text().splitlines()]


def test_shards_together_are_what_one_file_would_be(
    lake: Path, requests: Path, tmp_path: Path
) -> None:
    result = execute(lake, tmp_path, requests=str(requests), k=4, lines_per_shard=3)

    assert (result.status, result.error) == ("SUCCEEDED", None)
    shards = [state for state in result.states if state.name == "RecommendShard"]
    assert len(shards) == 3
    joined = tmp_path / "all.jsonl"
    joined.write_text("".join(file.read_text() for file in sorted(requests.iterdir())))
    out = tmp_path / "out.jsonl"
    succeed("batch", "--lake", lake, "--input", joined, "--output", out, "--k", "4")
    assert answers(lake) == out.read_text().splitlines()
    version = champion_of(list_models(lake))["version"]
    assert {json.loads(line)["model_version"] for line in answers(lake)} == {version}


def test_twenty_items_are_the_default_and_a_second_execution_changes_nothing(
    lake: Path, requests: Path, tmp_path: Path
) -> None:
    execute(lake, tmp_path, requests=str(requests))
    first = answers(lake)
    again = execute(lake, tmp_path, requests=str(requests))

    assert again.status == "SUCCEEDED"
    assert answers(lake) == first
    assert {len(json.loads(line)["items"]) for line in first} == {20}


def test_an_input_without_requests_is_named_and_recorded(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = execute(lake, tmp_path, requests=str(tmp_path / "empty"))

    assert (result.status, result.error) == ("FAILED", "NotFoundError")
    failure = json.loads((lake / "runs" / "b1" / "failure.json").read_text())
    assert failure["state"] == "PlanBatch"
    assert "has no lines of *.jsonl" in json.dumps(failure)
