"""The scoreboard: the full stack and its baselines on the test fold."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap import columns as c
from endcap.config import GateConfig
from endcap.evaluation.baselines import ALS_TO_YETIRANK
from endcap.evaluation.comparison import RecordedScores
from endcap.evaluation.protocol import Evaluation
from endcap.evaluation.protocol import evaluate as measure
from endcap.evaluation.recommendations import Recommendations, from_ragged, list_length
from endcap.evaluation.scoreboard import FULL_STACK, Scoreboard, build_scoreboard
from endcap.evaluation.slices import slice_masks
from endcap.ports import Lake
from endcap.ranking.scoring import rank_candidates
from endcap.ranking.table import label_candidates
from endcap.uncertainty.calibration import Calibration
from endcap.uncertainty.coverage import measure_coverage, top_rows
from endcap.use_cases.answer_baselines import answer_baselines, read_baselines
from endcap.use_cases.clean_log import read_log
from endcap.use_cases.describe_stack import describe_stack
from endcap.use_cases.folds import TEST
from endcap.use_cases.labelled_folds import LabelledFold, fold_inputs, open_fold
from endcap.use_cases.lake_layout import LATEST_SCOREBOARD
from endcap.use_cases.rank_als import rank_als, read_ranked_als
from endcap.use_cases.runs import Run, open_run, to_json
from endcap.use_cases.tune_baselines import tune_baselines

SCOREBOARD: Final = "scoreboard.json"
RECORDED: Final = "recorded"
"""File and folder of the step's output: the scoreboard, and the values behind the gate's metric."""


def evaluate(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Measure the run ``request["run_id"]`` on the window that nothing was fitted on.

    Returns ``queries`` and the full stack's mean of the gate's metric. The scoreboard becomes the
    lake's latest. Raises `NotFoundError` if there is no such run, or a step before this one is not
    finished.
    """
    run = open_run(str(request["run_id"]), lake)
    config, calibration = run.config, run.ref("calibration")
    # Each is a step of its own, so that another ranker does not tune the baselines again.
    baselines = [tune_baselines(run), answer_baselines(run), rank_als(run)]

    def compute(out: Path) -> dict[str, Any]:
        with open_fold(run, TEST) as fold, lake.open(calibration.path) as folder:
            text = (folder / "calibration.json").read_text(encoding="utf-8")
            evaluation, scores = _measure(run, fold)
            coverage = _coverage(run, fold, scores, Calibration.from_json(text))
            anatomy = describe_stack(run, fold)
        scoreboard = replace(
            build_scoreboard(evaluation, config=config.evaluation, seed=config.seed),
            anatomy=anatomy,
        )
        _write(out, scoreboard, evaluation, coverage, config.gate)
        return {"queries": len(evaluation), **_headline(scoreboard, config.gate)}

    ref = run.perform(
        "evaluation",
        rooms=[
            "dataset",
            "features",
            "retrieval",
            "ranking",
            "uncertainty",
            "evaluation",
            "tuning",
        ],
        params={
            "evaluation": config.evaluation.model_dump(mode="json"),
            "features": config.features.model_dump(mode="json"),
            "recorded": [config.gate.task, config.gate.metric],
            "cold_max_events": config.retrieval.cold.max_events,
            "session_timeout_minutes": config.cleaning.session_timeout_minutes,
            "cut_ms": run.fold(TEST).cut_ms,
            "seed": config.seed,
        },
        inputs=[*fold_inputs(run, TEST), calibration, *baselines],
        compute=compute,
    )
    with lake.open(ref.path, only=[SCOREBOARD]) as folder:
        lake.write(LATEST_SCOREBOARD, (folder / SCOREBOARD).read_bytes())
    return {**ref.facts, "reused": ref.reused}


def _measure(run: Run, fold: LabelledFold) -> tuple[Evaluation, NDArray[np.float64]]:
    config, cut, types = run.config, run.fold(TEST), fold.event_types
    log = read_log(run, before_ms=cut.cut_ms)
    width = list_length(fold.queries.histories, config.evaluation.cutoffs)
    scores = fold.scores(run)
    systems: dict[str, Recommendations] = {
        FULL_STACK: from_ragged(
            fold.candidates.ptr, rank_candidates(fold.candidates, scores), width=width
        ),
        **read_baselines(run),
        ALS_TO_YETIRANK: read_ranked_als(run),
    }
    evaluation = measure(
        systems,
        fold.queries,
        fold=cut,
        item_counts=np.bincount(log.item, minlength=log.n_items).astype(np.int64),
        config=config.evaluation,
        session_timeout_minutes=config.cleaning.session_timeout_minutes,
        purchase_weight=float(types.weight_array()[types.names.index(c.TRANSACTION)]),
        cold_max_events=config.retrieval.cold.max_events,
    )
    return evaluation, scores


def _coverage(
    run: Run, fold: LabelledFold, scores: NDArray[np.float64], calibration: Calibration
) -> list[dict[str, Any]]:
    """Return how often the intervals held: over all rows, what is shown, and kinds of visitors."""
    row = fold.candidates.rows()
    masks = slice_masks(
        fold.queries.histories,
        session_timeout_minutes=run.config.cleaning.session_timeout_minutes,
    )
    shown = top_rows(scores, row, max(run.config.evaluation.cutoffs))
    slices = {name: mask[row] for name, mask in masks.items()} | {"shown": shown}
    measured = measure_coverage(
        calibration,
        scores,
        label_candidates(fold.queries, fold.candidates).relevance,
        row,
        rng=np.random.default_rng(run.config.seed),
        slices=slices,
        samples=run.config.evaluation.bootstrap_samples,
    )
    return [
        {name: None if _is_nan(value) else value for name, value in asdict(part).items()}
        for part in measured
    ]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _write(
    out: Path,
    scoreboard: Scoreboard,
    evaluation: Evaluation,
    coverage: list[dict[str, Any]],
    gate: GateConfig,
) -> None:
    (out / SCOREBOARD).write_text(scoreboard.to_json(), encoding="utf-8")
    (out / "coverage.json").write_bytes(to_json({"coverage": coverage}))
    recorded = RecordedScores.of(evaluation, system=FULL_STACK, task=gate.task, metric=gate.metric)
    recorded.save(out / RECORDED)


def _headline(scoreboard: Scoreboard, gate: GateConfig) -> dict[str, float | None]:
    estimate = scoreboard.estimate(FULL_STACK, gate.metric, task=gate.task)
    return {gate.metric: None if np.isnan(estimate.mean) else round(estimate.mean, 6)}
