import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from endcap.errors import NotEnoughDataError, TransientLakeError
from endcap.ports import Lake
from state_machines.targets import TARGETS
from training_jobs.entry_point import ATTEMPTS, run_job

JOBS = sorted(target.module for target in TARGETS.values() if target.kind == "ecs")


def test_a_job_hands_on_what_the_environment_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def echo(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
        return {**request, "lake": lake.uri}

    code = run_job(echo, {**_environ(tmp_path), "ENDCAP_FOLD": "test"})

    assert code == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {"run_id": "r", "fold": "test", "lake": str(tmp_path)}


def test_an_error_of_ours_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_request: Mapping[str, Any], _lake: Lake) -> dict[str, Any]:
        raise NotEnoughDataError("the log is one day long")

    assert run_job(refuse, _environ(tmp_path)) == 1

    words = json.loads(capsys.readouterr().err)
    assert words == {"error": "NotEnoughDataError", "message": "the log is one day long"}


def test_a_defect_is_named_after_its_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(_request: Mapping[str, Any], _lake: Lake) -> dict[str, Any]:
        raise ZeroDivisionError("by zero")

    assert run_job(break_down, _environ(tmp_path)) == 1

    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert json.loads(last)["error"] == "ZeroDivisionError"


@pytest.mark.parametrize(("failures", "code"), [(2, 0), (ATTEMPTS, 1)])
def test_a_transient_error_is_tried_again_with_pauses_that_double(
    tmp_path: Path, failures: int, code: int
) -> None:
    calls: list[str] = []
    pauses: list[float] = []

    def flaky(_request: Mapping[str, Any], _lake: Lake) -> dict[str, Any]:
        calls.append("called")
        if len(calls) <= failures:
            raise TransientLakeError("throttled")
        return {}

    assert run_job(flaky, _environ(tmp_path), sleep=pauses.append) == code

    assert len(calls) == min(failures + 1, ATTEMPTS)
    assert pauses == [2.0, 4.0, 8.0][: len(calls) - 1]


@pytest.mark.parametrize("module", JOBS)
def test_a_job_without_its_run_says_so_and_exits_with_1(module: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environ = {"ENDCAP_LAKE_URI": str(tmp_path), "PATH": "", "PYTHONPATH": str(root)}

    done = subprocess.run(
        [sys.executable, "-m", module], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    words = json.loads(done.stderr.splitlines()[-1])
    assert words["error"] == "ConfigError"
    assert "ENDCAP_RUN_ID" in words["message"]


def _environ(lake: Path) -> dict[str, str]:
    return {"ENDCAP_LAKE_URI": str(lake), "ENDCAP_RUN_ID": "r"}
