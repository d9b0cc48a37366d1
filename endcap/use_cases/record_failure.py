"""What stopped a run, kept with the run."""

from collections.abc import Mapping
from typing import Any

from endcap.ports import Lake
from endcap.use_cases.lake_layout import run_path
from endcap.use_cases.runs import to_json


def record_failure(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Keep which ``state`` of the run ``request["run_id"]`` failed with which ``error``.

    Returns what was kept. The run may have failed before it was recorded.
    """
    run_id = str(request["run_id"])
    failure = {"state": request.get("state"), "error": request.get("error")}
    lake.write(run_path(run_id, "failure.json"), to_json(failure))
    return failure
