"""What a monitoring run found, as numbers that alarms watch."""

import json
from collections.abc import Mapping
from typing import Any, Final

from endcap.errors import NotFoundError
from endcap.ports import Lake, Measured, MetricSink
from endcap.use_cases.collect_metrics import METRICS
from endcap.use_cases.decide_retraining import DECISION
from endcap.use_cases.detect_drift import DRIFT
from endcap.use_cases.lake_layout import monitoring_path
from endcap.use_cases.runs import checked_run_id

COUNT: Final = "Count"
NO_UNIT: Final = "None"


def publish_metrics(
    request: Mapping[str, Any], lake: Lake, sink: MetricSink, *, now_ms: int
) -> dict[str, Any]:
    """Publish what the monitoring run ``request["run_id"]`` found, and return it: name -> value.

    What could not be measured is left out. Raises `NotFoundError` if a part of the run is missing.
    """
    run_id = checked_run_id(str(request["run_id"]))
    metrics, drift, decision = (_read(lake, run_id, name) for name in (METRICS, DRIFT, DECISION))
    found = {
        "Events": (metrics["events"], COUNT),
        "Visitors": (metrics["visitors"], COUNT),
        "Exposures": (metrics["exposures"], COUNT),
        "ShownItems": (metrics["shown_items"], COUNT),
        "FollowedShare": (metrics["followed_share"], NO_UNIT),
        "ModelAgeDays": (metrics["model_age_days"], NO_UNIT),
        "DataAgeDays": (metrics["data_age_days"], NO_UNIT),
        "CoverageGap": (metrics["coverage_gap"], NO_UNIT),
        "DriftedShare": (drift["drifted_share"] if drift["is_conclusive"] else None, NO_UNIT),
        "RetrainingAsked": (int(decision["retrain"]), COUNT),
    }
    measured = [
        Measured(name, float(value), unit)
        for name, (value, unit) in found.items()
        if value is not None
    ]
    sink.put(measured, now_ms=now_ms)
    return {one.name: one.value for one in measured}


def _read(lake: Lake, run_id: str, name: str) -> dict[str, Any]:
    found = lake.read(monitoring_path(run_id, name))
    if found is None:
        raise NotFoundError(f"the monitoring run {run_id!r} has no {name}")
    content: dict[str, Any] = json.loads(found.data)
    return content
