"""What every baseline but the ranked one recommends at the test fold's moments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.dataset.arrays import load_arrays, save_arrays
from endcap.evaluation.baseline_tuning import TunedBaseline
from endcap.evaluation.baselines import (
    ALS,
    BASELINES,
    Baseline,
    Proposer,
    Training,
    recommend_alone,
)
from endcap.evaluation.recommendations import Recommendations, list_length
from endcap.retrieval.source import CandidateSource, Proposals
from endcap.retrieval.union import load_sources
from endcap.use_cases.fold_queries import read_queries
from endcap.use_cases.folds import TEST
from endcap.use_cases.runs import CLEAN, Run, StepRef
from endcap.use_cases.tune_baselines import STEP as TUNING
from endcap.use_cases.tune_baselines import read_tuned, training_before

STEP: Final = "baselines"
_LISTS: Final = "lists"
_PROPOSALS: Final = ("ptr", "item", "score")


def answer_baselines(run: Run) -> StepRef:
    """Fit every baseline on all events before the test window, and ask it about the test moments.

    A baseline whose chosen settings are the run's own is the candidate source that the run has
    fitted already. Raises `NotFoundError` if a step before this one is not finished.
    """
    config, cut_ms, retrieval = run.config, run.fold(TEST).cut_ms, run.ref(f"retrieval-{TEST}")

    def compute(out: Path) -> dict[str, Any]:
        histories = read_queries(run, TEST).histories
        width = list_length(histories, config.evaluation.cutoffs)
        tuned, training = read_tuned(run), training_before(run, cut_ms)
        (out / _LISTS).mkdir()
        with run.lake.open(retrieval.path) as folder:
            sources = load_sources(folder)
            for baseline in BASELINES:
                fitted = fitted_baseline(baseline, tuned[baseline.name], training, sources)
                if baseline.name == ALS:
                    found = fitted.propose(histories, config.retrieval.candidates_per_source)
                    save_arrays(out / ALS, {name: getattr(found, name) for name in _PROPOSALS})
                lists = recommend_alone(fitted, histories, width=width)
                np.save(out / _LISTS / f"{baseline.name}.npy", lists.items)
        return {"width": width}

    return run.perform(
        STEP,
        rooms=["dataset", "evaluation", "retrieval", "tuning"],
        params={
            "retrieval": config.retrieval.model_dump(mode="json"),
            "cutoffs": list(config.evaluation.cutoffs),
            "cut_ms": cut_ms,
            "seed": config.seed,
            "threads": config.threads,
        },
        inputs=[run.ref(CLEAN), run.ref("queries"), retrieval, run.ref(TUNING)],
        compute=compute,
    )


def fitted_baseline(
    baseline: Baseline,
    tuned: TunedBaseline,
    training: Training,
    sources: Mapping[str, CandidateSource],
) -> Proposer:
    """Return a baseline with its chosen settings; one of a fold's `sources` if it is that."""
    if tuned.is_default and baseline.source is not None and baseline.source in sources:
        return sources[baseline.source]
    return baseline.fit(training, tuned.settings)


def read_baselines(run: Run) -> dict[str, Recommendations]:
    """Return the lists of each baseline, in their order. Raises `NotFoundError`."""
    with run.lake.open(run.ref(STEP).path, only=[f"{_LISTS}/"]) as folder:
        return {
            baseline.name: Recommendations(np.load(folder / _LISTS / f"{baseline.name}.npy"))
            for baseline in BASELINES
        }


def read_als_proposals(run: Run) -> Proposals:
    """Return what the tuned ALS proposes at the test moments. Raises `NotFoundError`."""
    with run.lake.open(run.ref(STEP).path, only=[f"{ALS}/"]) as folder:
        return Proposals(**load_arrays(folder / ALS, _PROPOSALS))
