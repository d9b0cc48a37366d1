import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.config import RunConfig
from endcap.errors import ConfigError, NotFoundError, WorkflowError
from endcap.use_cases.runs import start_run
from infra_local import runs as module
from infra_local.records import ExecutionResult, ExecutionStatus, StateRecord
from infra_local.runs import TrainingRun, explain, name_run, train

STARTED = datetime(2015, 5, 2, 12, 0, 0, 123_456, tzinfo=UTC)
WARNING = {"code": "no_item_properties", "message": "no item properties: prices stay empty"}


def succeeded(name: str, started: float = 0.0, seconds: float = 1.0) -> StateRecord:
    return StateRecord(name, "succeeded", started, seconds, log_file=Path(f"/logs/{name}-1.log"))


def failed(name: str, **fields: Any) -> StateRecord:  # noqa: ANN401 -- fields of any kind
    return StateRecord(name, "failed", 0.0, 1.0, **fields)


def result(status: ExecutionStatus, *states: StateRecord) -> ExecutionResult:
    return ExecutionResult(status, None, "SomeError", "the cause", states)


Execute = Callable[[ExecutionResult], list[dict[str, Any]]]


def clean(lake: FolderLake) -> None:
    """Leave what the states of a run leave that got past the gate."""

    def compute(out: Path) -> dict[str, Any]:
        (out / "report.json").write_text(json.dumps({"warnings": [WARNING]}))
        return {}

    run = start_run({"run_id": "r1", "raw": "/raw"}, lake)
    run.perform("clean", rooms=[], params={}, inputs=[], compute=compute)
    run.write_json("gate.json", {"outcome": "promote"})


@pytest.fixture
def run(tmp_path: Path) -> TrainingRun:
    (tmp_path / "raw").mkdir()
    lake = FolderLake(tmp_path / "lake")
    return TrainingRun(tmp_path / "raw", lake, "r1", RunConfig(seed=9), None, STARTED)


@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Let an execution end like this; the calls are recorded."""

    def ending(ended: ExecutionResult) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def run_execution(**asked: Any) -> ExecutionResult:  # noqa: ANN401 -- as it is called
            calls.append(asked)
            return ended

        monkeypatch.setattr(module, "run_execution", run_execution)
        return calls

    return ending


def test_a_run_is_named_by_its_time_to_the_millisecond() -> None:
    assert name_run(STARTED) == "run-20150502T120000123"
    assert name_run(STARTED.astimezone(timezone(timedelta(hours=5)))) == name_run(STARTED)
    assert name_run(STARTED) < name_run(STARTED + timedelta(milliseconds=1))


def test_the_report_tells_what_happened_and_is_kept_in_the_lake(
    run: TrainingRun, execute: Execute, tmp_path: Path
) -> None:
    states = [succeeded("ValidateAndClean"), succeeded("CheckGate", 3.0, 2.5)]
    calls = execute(result("SUCCEEDED", *states))
    lake = FolderLake(tmp_path / "lake")
    clean(lake)

    report = train(run, tmp_path / "scratch", on_event=None)

    page = f"{lake.uri}/{_clean_path(lake)}/report.html"
    assert (report["data_report"], report["warnings"]) == (page, [WARNING["message"]])
    assert (report["gate"], report["seconds"]) == ({"outcome": "promote"}, 5.5)
    assert [state["log_file"] for state in report["states"]] == [
        "ValidateAndClean-1.log",
        "CheckGate-1.log",
    ]
    kept = lake.read("runs/r1/report.json")
    assert kept is not None
    assert json.loads(kept.data) == report
    (asked,) = calls
    assert asked["log_folder"] == Path(lake.uri, "runs", "r1", "logs")
    settings = lake.read(asked["execution_input"]["config"])
    assert settings is not None
    assert RunConfig.parse(settings.data.decode()) == run.config
    assert asked["execution_input"]["raw"] == str(tmp_path / "raw")


def _clean_path(lake: FolderLake) -> str:
    (path,) = lake.list_folders("steps/clean")
    return path


def test_what_an_earlier_run_of_the_name_left_is_not_reported(
    run: TrainingRun, execute: Execute, tmp_path: Path
) -> None:
    clean(FolderLake(tmp_path / "lake"))
    execute(result("FAILED", failed("ValidateAndClean", error="DatasetError", message="no rows")))

    with pytest.raises(WorkflowError, match=r"^ValidateAndClean failed: no rows$"):
        train(run, tmp_path / "scratch", on_event=None)

    report = json.loads((tmp_path / "lake" / "runs" / "r1" / "report.json").read_text())
    assert (report["data_report"], report["warnings"], report["gate"]) == (None, [], None)
    assert (report["status"], report["error"]) == ("FAILED", "SomeError")


class FarLake(FolderLake):
    """A lake that is not on this machine."""

    @property
    def uri(self) -> str:
        return "s3://shop/lake"


def test_the_logs_of_a_far_lake_are_uploaded_even_of_a_run_that_failed(
    tmp_path: Path, execute: Execute
) -> None:
    lake, scratch = FarLake(tmp_path / "lake"), tmp_path / "scratch"
    log_file = scratch / "logs" / "TrainRanker-1.log"
    calls = execute(
        result("FAILED", failed("TrainRanker", error="KeyError", message="'x'", log_file=log_file))
    )
    (scratch / "logs").mkdir(parents=True)
    log_file.write_text("Traceback")
    run = TrainingRun(tmp_path, lake, "r1", RunConfig(), None, STARTED)

    expected = r"'x'; its log: runs/r1/logs/TrainRanker-1\.log in the lake s3://shop/lake$"
    with pytest.raises(WorkflowError, match=expected):
        train(run, scratch, on_event=None)

    assert calls[0]["log_folder"] == scratch / "logs"
    kept = lake.read("runs/r1/logs/TrainRanker-1.log")
    assert kept is not None
    assert kept.data == b"Traceback"


def test_a_mapping_is_checked_and_kept(run: TrainingRun, execute: Execute, tmp_path: Path) -> None:
    calls = execute(result("SUCCEEDED"))
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("name = 'ours'\n")
    asked = TrainingRun(run.raw, run.lake, "r1", run.config, mapping, STARTED)

    with pytest.raises(ConfigError, match=r"mapping\.toml: events: Field required"):
        train(asked, tmp_path, on_event=None)
    assert calls == []

    columns = "{time = 'ts', user = 'uid', item = 'sku', event_type = 'action'}"
    mapping.write_text(f"[events]\nfiles = 'log.parquet'\ncolumns = {columns}\n")
    train(asked, tmp_path, on_event=None)

    kept = run.lake.read(calls[0]["execution_input"]["mapping"])
    assert kept is not None
    assert json.loads(kept.data)["events"]["columns"]["item"] == "sku"


@pytest.mark.parametrize("change", [{"run_id": "../x"}, {"raw": Path("/none")}])
def test_nothing_begins_that_cannot_go_well(
    run: TrainingRun, execute: Execute, tmp_path: Path, change: dict[str, Any]
) -> None:
    calls = execute(result("SUCCEEDED"))
    asked = TrainingRun(**{**vars(run), **change})

    with pytest.raises((ConfigError, NotFoundError)):
        train(asked, tmp_path / "scratch", on_event=None)
    assert calls == []
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        ([failed("A", error="DatasetError", message="no rows")], "A failed: no rows"),
        ([failed("A", message="odd")], "A failed: odd"),
        ([failed("A")], "A failed: no reason was given"),
        (
            [failed("A", error="KeyError", message="'x'", log_file=Path("/logs/A-1.log"))],
            "A failed: KeyError: 'x'; its log: {lake}/runs/r1/logs/A-1.log",
        ),
        (
            [failed("A", error="States.Timeout")],
            "A failed: States.Timeout: no reason was given",
        ),
        ([], "the workflow ended FAILED: SomeError: the cause"),
    ],
)
def test_a_failure_is_explained_in_one_sentence(
    run: TrainingRun, states: list[StateRecord], sentence: str
) -> None:
    expected = sentence.format(lake=run.lake.uri)

    assert explain(run, result("FAILED", *states)) == expected
