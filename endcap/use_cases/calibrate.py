"""What the ranker's scores mean, learnt on the calibration fold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endcap.ports import Lake
from endcap.ranking.table import label_candidates
from endcap.uncertainty.conformal import calibrate as fit_calibration
from endcap.use_cases.folds import CALIBRATION
from endcap.use_cases.labelled_folds import fold_inputs, open_fold
from endcap.use_cases.runs import open_run


def calibrate(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Calibrate the ranker of the run ``request["run_id"]``.

    Returns what it was calibrated on: ``queries``, ``candidates``. Raises `NotFoundError` if there
    is no such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    config = run.config

    def compute(out: Path) -> dict[str, Any]:
        with open_fold(run, CALIBRATION) as fold:
            calibration = fit_calibration(
                fold.scores(run),
                label_candidates(fold.queries, fold.candidates).relevance,
                fold.candidates.rows(),
                relevance_scale=max(fold.event_types.weights),
                confidence=config.uncertainty.confidence,
            )
        (out / "calibration.json").write_text(calibration.to_json(), encoding="utf-8")
        return {"queries": len(fold.queries), "candidates": len(fold.candidates.item)}

    ref = run.perform(
        "calibration",
        rooms=["dataset", "features", "retrieval", "ranking", "uncertainty", "tuning"],
        params={
            "confidence": config.uncertainty.confidence,
            "features": config.features.model_dump(mode="json"),
        },
        inputs=fold_inputs(run, CALIBRATION),
        compute=compute,
    )
    return {**ref.facts, "reused": ref.reused}
