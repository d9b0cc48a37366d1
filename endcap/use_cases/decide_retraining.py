"""Whether monitoring asks for training; what it asked for is remembered, so it asks seldom."""

import json
from collections.abc import Mapping
from typing import Any, Final

from endcap.config import MonitoringConfig
from endcap.drift.policy import RetrainingPolicy, decide
from endcap.errors import CorruptArtifactError, NotFoundError
from endcap.ports import ABSENT, Lake
from endcap.use_cases.champions import require_champion
from endcap.use_cases.detect_drift import DRIFT
from endcap.use_cases.lake_layout import RETRAININGS, monitoring_path
from endcap.use_cases.runs import checked_run_id, to_json

DECISION: Final = "decision.json"

_REMEMBERED: Final = 100


def decide_retraining(request: Mapping[str, Any], lake: Lake, *, now_ms: int) -> dict[str, Any]:
    """Decide by the drift report of the monitoring run ``request["run_id"]``, and remember it.

    Returns ``retrain``, ``reasons`` and ``held_back``. A run that has decided decides the same
    again. `now_ms`: UTC epoch ms. Raises `NotFoundError` without a drift report or a champion,
    `ConflictError` if another run decided at the same moment.
    """
    run_id = checked_run_id(str(request["run_id"]))
    config = MonitoringConfig.parse(request.get("monitoring"))
    done = lake.read(monitoring_path(run_id, DECISION))
    if done is not None:
        decided: dict[str, Any] = json.loads(done.data)
        return decided
    drift = _report(lake, run_id)
    champion = require_champion(lake)
    asked, tag = _asked(lake)
    decision = decide(
        drifted_share=drift["drifted_share"] if drift["is_conclusive"] else None,
        asked_ms=asked,
        promoted_ms=champion.promoted_at_ms,
        policy=RetrainingPolicy(config.drifted_share, config.cooldown_days, config.max_per_month),
        now_ms=now_ms,
    )
    if decision.retrain:
        # First, and on the condition that nobody else did: two runs must not both ask.
        remembered = to_json({"asked_ms": [*asked, now_ms][-_REMEMBERED:]})
        lake.write(RETRAININGS, remembered, expected=tag)
    content = {
        "retrain": decision.retrain,
        "reasons": list(decision.reasons),
        "held_back": list(decision.held_back),
    }
    lake.write(monitoring_path(run_id, DECISION), to_json(content))
    return content


def _report(lake: Lake, run_id: str) -> dict[str, Any]:
    found = lake.read(monitoring_path(run_id, DRIFT))
    if found is None:
        raise NotFoundError(f"the monitoring run {run_id!r} has no drift report")
    report: dict[str, Any] = json.loads(found.data)
    return report


def _asked(lake: Lake) -> tuple[list[int], str]:
    found = lake.read(RETRAININGS)
    if found is None:
        return [], ABSENT
    try:
        return [int(moment) for moment in json.loads(found.data)["asked_ms"]], found.tag
    except (ValueError, KeyError, TypeError) as exc:
        raise CorruptArtifactError(f"{RETRAININGS} cannot be read: {exc}") from exc
