"""What the candidate sources are asked for: as configured, or as a search found better."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.queries import Queries
from endcap.retrieval.tuning import RetrievalTuning, tune_retrieval
from endcap.retrieval.union import load_sources
from endcap.tuning.study import Budget
from endcap.use_cases.fingerprints import fingerprint
from endcap.use_cases.folds import RANKING
from endcap.use_cases.lake_journal import LakeJournal
from endcap.use_cases.runs import Run, StepRef
from endcap.use_cases.tuned_als import fitted_retrieval

STEP: Final = "retrieval-tuning"
STUDY: Final = "retrieval"
_FILE: Final = "tuning.json"


def search_retrieval(run: Run, *, clock: Callable[[], float]) -> StepRef:
    """Search what the sources of the ranking fold are asked for, on moments of its window.

    Needs the fold's sources and queries: raises `NotFoundError` if they are not finished.
    """
    config, budget, fitted = run.config, run.config.retrieval_tuning, fitted_retrieval(run)
    inputs = [run.ref("queries"), run.ref(f"retrieval-{RANKING}")]
    params = {
        "retrieval": fitted.model_dump(mode="json"),
        "max_queries": budget.max_queries,
        "seed": config.seed,
    }

    def compute(out: Path) -> dict[str, Any]:
        key = fingerprint(
            STUDY,
            rooms=["dataset", "retrieval", "tuning"],
            params=params,
            inputs=[ref.digest for ref in inputs],
        )
        with run.lake.open(inputs[1].path) as folder:
            found = tune_retrieval(
                load_sources(folder),
                _moments(run, budget.max_queries),
                config=fitted,
                journal=LakeJournal(run.lake, STUDY, key),
                budget=Budget(budget.trials, budget.minutes),
                seed=config.seed,
                clock=clock,
            )
        (out / _FILE).write_text(found.to_json(), encoding="utf-8")
        return found.facts()

    return run.perform(
        STEP,
        rooms=["dataset", "features", "retrieval", "tuning"],
        params={**params, "trials": budget.trials, "minutes": budget.minutes},
        inputs=inputs,
        compute=compute,
    )


def tuned_retrieval(run: Run) -> RetrievalConfig:
    """Return what the sources of this run are asked with. Raises `NotFoundError`."""
    with run.lake.open(run.ref(STEP).path, only=[_FILE]) as folder:
        text = (folder / _FILE).read_text(encoding="utf-8")
    return RetrievalTuning.from_json(text).config


def _moments(run: Run, at_most: int) -> Queries:
    """Return moments of the ranking window, evenly over all of them, in order."""
    queries = run.ref("queries")
    with run.lake.open(queries.path, only=[f"{RANKING}/"]) as folder:
        shards = range(queries.facts["shards"][RANKING])
        every = Queries.concat([Queries.load(folder / RANKING / str(shard)) for shard in shards])
    if len(every) <= at_most:
        return every
    chosen = np.linspace(0, len(every), at_most, endpoint=False).astype(int).tolist()
    return Queries.concat([every.slice(number, number + 1) for number in chosen])
