"""The training workflow from state to state, with steps that compute nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from endcap.features.families import FAMILIES
from infra_local.execution import run_execution
from infra_local.machine import Machine, load_machine
from infra_local.records import ExecutionResult

STEP = "tests.infra_local.toy.step"
BEFORE_THE_GATE = [
    "ValidateAndClean",
    "BuildFeatures",
    "TrainRetrieval",
    "PlanCandidates",
    "GenerateCandidates",
    "TuneRanker",
    "TrainRanker",
    "Calibrate",
    "Evaluate",
    "RegisterModel",
    "CheckGate",
]


def test_a_good_model_is_promoted_and_every_step_gets_its_request(tmp_path: Path) -> None:
    (tmp_path / "promote").touch()

    result = _train(tmp_path)

    assert (result.status, result.error) == ("SUCCEEDED", None)
    assert _outer(result) == [*BEFORE_THE_GATE, "Promote", "PublishRecommendations"]
    asked = _asked(tmp_path)
    assert {"raw": "the log", "mapping": "m.json", "run_id": "run-7"} in asked
    families = [request["family"] for request in asked if "family" in request]
    assert sorted(families) == sorted(FAMILIES)
    for fold in ("ranking", "test"):
        assert {"ENDCAP_RUN_ID": "run-7", "ENDCAP_FOLD": fold} in asked
        assert {"run_id": "run-7", "fold": fold, "shard": 0} in asked
    assert asked.count({"ENDCAP_RUN_ID": "run-7"}) == 2
    assert asked.count({"run_id": "run-7"}) == 7
    inner = {(state.name, state.item) for state in result.states if state.parent}
    assert {("TrainFold", "ranking"), ("GenerateShard", "test/0"), ("BuildDecay", None)} < inner


def test_a_refused_model_is_kept_from_serving_and_the_execution_succeeds(tmp_path: Path) -> None:
    result = _train(tmp_path)

    assert result.status == "SUCCEEDED"
    assert _outer(result) == [*BEFORE_THE_GATE, "KeepChampion", "PublishRecommendations"]
    assert result.output["gate"] == {"promote": False, "reasons": ["it is a toy"]}


def test_a_failed_job_is_recorded_under_its_state_and_ends_the_execution(tmp_path: Path) -> None:
    (tmp_path / "break the job").touch()

    result = _train(tmp_path)

    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    assert _outer(result)[-2:] == ["TrainRetrieval", "RecordFailure"]
    (record,) = [request for request in _asked(tmp_path) if "error" in request]
    assert (record["run_id"], record["state"]) == ("run-7", "TrainRetrieval")
    assert record["error"]["Error"] == "States.TaskFailed"
    assert json.loads(record["error"]["Cause"])["Containers"][0]["ExitCode"] == 1
    assert result.failure is not None
    assert (result.failure.error, result.failure.message) == ("NotEnoughDataError", "one day")


def _train(folder: Path) -> ExecutionResult:
    real = load_machine("training")
    targets = {name: replace(target, module=STEP) for name, target in real.targets.items()}
    return run_execution(
        machine=Machine(real.name, real.definition, targets),
        execution_input={"raw": "the log", "mapping": "m.json"},
        lake_uri=str(folder),
        run_id="run-7",
        log_folder=folder / "logs",
        threads=2,
    )


def _outer(result: ExecutionResult) -> list[str]:
    return [state.name for state in result.states if state.parent is None]


def _asked(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.glob("*.json")]
