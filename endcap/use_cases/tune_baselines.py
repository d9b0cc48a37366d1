"""The baselines' settings, searched on the window before the test's."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.dataset.queries import Queries
from endcap.evaluation.baseline_tuning import TunedBaseline, newest_events, tune_baseline
from endcap.evaluation.baselines import BASELINES, Training
from endcap.use_cases.clean_log import read_event_types, read_log
from endcap.use_cases.fold_queries import read_queries
from endcap.use_cases.folds import CALIBRATION
from endcap.use_cases.runs import CLEAN, Run, StepRef, to_json

STEP: Final = "baseline-tuning"
_TUNED: Final = "tuned.json"


def tune_baselines(run: Run) -> StepRef:
    """Try settings for every baseline, each as many, on moments before the test window.

    Raises `NotFoundError` if a step before this one is not finished.
    """
    config, fold = run.config, run.fold(CALIBRATION)

    def compute(out: Path) -> dict[str, Any]:
        judged = _judged(run)
        training = training_before(run, fold.cut_ms, newest=config.evaluation.baseline_events)
        tuned = [
            tune_baseline(
                baseline,
                training,
                judged,
                trials=config.evaluation.baseline_trials,
                k=max(config.evaluation.cutoffs),
                rng=np.random.default_rng([config.seed, place]),
            )
            for place, baseline in enumerate(BASELINES)
        ]
        (out / _TUNED).write_bytes(to_json({"tuned": [one.to_fields() for one in tuned]}))
        return {"queries": len(judged), "events": len(training.log)}

    return run.perform(
        STEP,
        rooms=["dataset", "evaluation", "retrieval", "tuning"],
        params={
            "evaluation": config.evaluation.model_dump(mode="json"),
            "retrieval": config.retrieval.model_dump(mode="json"),
            "cut_ms": fold.cut_ms,
            "seed": config.seed,
            "threads": config.threads,
        },
        inputs=[run.ref(CLEAN), run.ref("queries")],
        compute=compute,
    )


def read_tuned(run: Run) -> dict[str, TunedBaseline]:
    """Return the chosen settings by baseline. Raises `NotFoundError` before they were."""
    with run.lake.open(run.ref(STEP).path) as folder:
        fields = json.loads((folder / _TUNED).read_text(encoding="utf-8"))
    return {one["name"]: TunedBaseline.from_fields(one) for one in fields["tuned"]}


def training_before(run: Run, cut_ms: int, *, newest: int | None = None) -> Training:
    """Return what baselines are fitted on before a cut: all events, or the newest ones."""
    log = read_log(run, before_ms=cut_ms)
    return Training(
        log=log if newest is None else newest_events(log, newest),
        cut_ms=cut_ms,
        event_weights=read_event_types(run).weight_array(),
        config=run.config.retrieval,
        seed=run.config.seed,
        threads=run.config.threads,
    )


def _judged(run: Run) -> Queries:
    """Return the moments that judge: a random part of the calibration fold's, in order."""
    queries = read_queries(run, CALIBRATION)
    limit = min(len(queries), run.config.evaluation.baseline_queries)
    rng = np.random.default_rng(run.config.seed)
    kept = np.sort(rng.choice(len(queries), size=limit, replace=False))
    return Queries.concat([queries.slice(int(at), int(at) + 1) for at in kept])
