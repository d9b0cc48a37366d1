import importlib
import inspect
import json
from pathlib import Path

import pytest

from endcap.errors import ConfigError
from state_machines.targets import TARGETS

MODULES = sorted(target.module for target in TARGETS.values() if target.kind == "lambda")


@pytest.mark.parametrize("module", MODULES)
def test_a_handler_is_parse_call_and_return(module: str) -> None:
    handler = importlib.import_module(module).handler

    body = inspect.getsource(handler).splitlines()

    assert list(inspect.signature(handler).parameters) == ["event", "context"]
    assert len(body) <= 6


@pytest.mark.parametrize("module", MODULES)
def test_a_handler_says_which_setting_is_missing(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENDCAP_LAKE_URI", raising=False)

    with pytest.raises(ConfigError, match="ENDCAP_LAKE_URI"):
        importlib.import_module(module).handler({"run_id": "r"}, None)


def test_a_failure_is_kept_with_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDCAP_LAKE_URI", str(tmp_path))
    error = {"Error": "DatasetError", "Cause": "no column"}
    record_failure = importlib.import_module("lambdas.record_failure.handler").handler

    record_failure({"run_id": "r", "state": "ValidateAndClean", "error": error}, None)

    kept = json.loads((tmp_path / "runs" / "r" / "failure.json").read_text())
    assert (kept["state"], kept["error"]) == ("ValidateAndClean", error)
