"""A monitoring run on this machine, by the same state machine as on AWS."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from endcap.errors import WorkflowError
from endcap.ports import Lake
from endcap.settings import RECORD_LOG_URI
from endcap.use_cases.lake_layout import monitoring_path
from endcap.use_cases.text_table import text_table
from infra_local.execution import run_execution
from infra_local.records import StateEvent

MACHINE = "monitoring"


@dataclass(frozen=True)
class MonitoringRun:
    """What is looked at. `now`: the end of the window; `settings`: of `MonitoringConfig`."""

    lake: Lake
    record_log: str
    run_id: str
    now: datetime
    settings: Mapping[str, Any]


def monitor(
    run: MonitoringRun, log_folder: Path, *, on_event: Callable[[StateEvent], None] | None = None
) -> dict[str, Any]:
    """Execute the monitoring workflow and return its ``metrics``, ``drift`` and ``decision``.

    Raises `WorkflowError` with the sentence of what went wrong.
    """
    result = run_execution(
        machine=MACHINE,
        execution_input={
            "now_ms": round(run.now.timestamp() * 1000),
            "monitoring": dict(run.settings),
        },
        lake_uri=run.lake.uri,
        run_id=run.run_id,
        log_folder=log_folder,
        threads=1,
        on_event=on_event,
        variables={RECORD_LOG_URI: run.record_log},
    )
    if result.status != "SUCCEEDED":
        failure = result.failure
        reason = result.cause if failure is None else f"{failure.name} failed: {failure.message}"
        raise WorkflowError(f"monitoring ended {result.status}: {reason}")
    return {
        name: json.loads(_read(run.lake, monitoring_path(run.run_id, f"{name}.json")))
        for name in ("metrics", "drift", "decision")
    }


def describe(report: Mapping[str, Any]) -> str:
    """Return a monitoring run's findings as text."""
    metrics, drift, decision = report["metrics"], report["drift"], report["decision"]
    followed = metrics["followed_share"]
    rows = [["column", "was", "is", "distance", "p", ""]] + [
        [
            column["column"],
            _number(column["mean_reference"]),
            _number(column["mean_current"]),
            _number(column["statistic"]),
            "-" if column["p_value"] is None else f"{column['p_value']:.1e}",
            "drifted" if column["drifted"] else "",
        ]
        for column in drift["columns"]
    ]
    lines = [
        f"{metrics['events']:,} events of {metrics['visitors']:,} visitors; "
        f"{metrics['exposures']:,} answers, "
        + ("none yet" if followed is None else f"{followed:.1%}")
        + " followed",
        f"Model {metrics['model_version']}, its data {metrics['data_age_days']:.1f} days old",
        "",
        *text_table(rows, right=[1, 2, 3, 4]),
        "",
        "Too little traffic to tell whether it has drifted"
        if not drift["is_conclusive"]
        else f"{drift['drifted_share']:.0%} of the columns drifted",
        *(f"for training: {reason}" for reason in decision["reasons"]),
        *(f"against it: {reason}" for reason in decision["held_back"] if decision["reasons"]),
        "Training is asked for" if decision["retrain"] else "No training is asked for",
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _read(lake: Lake, path: str) -> bytes:
    found = lake.read(path)
    if found is None:
        raise WorkflowError(f"the monitoring run left no {path}")
    return found.data
