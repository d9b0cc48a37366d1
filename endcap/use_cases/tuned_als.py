"""What ALS is fitted with: as configured, or as a search before the first cut found better."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.queries import sample_queries
from endcap.dataset.splits import Fold
from endcap.retrieval.als_search import AlsBench, search_als
from endcap.tuning.study import Budget
from endcap.use_cases.clean_log import count_items, read_event_types, read_log
from endcap.use_cases.fingerprints import fingerprint
from endcap.use_cases.folds import RANKING
from endcap.use_cases.lake_journal import LakeJournal
from endcap.use_cases.runs import CLEAN, Run

STEP: Final = "als-tuning"
STUDY: Final = "als"
_FILE: Final = "als.json"


def fitted_retrieval(run: Run) -> RetrievalConfig:
    """Return what the sources of this run were fitted with. Raises `NotFoundError`."""
    if not run.config.retrieval_tuning.als_trials:
        return run.config.retrieval
    with run.lake.open(run.ref(STEP).path, only=[_FILE]) as folder:
        found = AlsConfig.model_validate(json.loads((folder / _FILE).read_text(encoding="utf-8")))
    return run.config.retrieval.model_copy(update={"als": found})


def search_als_settings(run: Run, *, clock: Callable[[], float]) -> RetrievalConfig:
    """Search what ALS is fitted with, if that is configured, and return it with all the rest.

    The window before the ranking cut is predicted from what lies before it, so every fold may use
    what is found. Folds that are trained at the same time search side by side, and find the same.
    """
    config, budget = run.config, run.config.retrieval_tuning
    if not budget.als_trials:
        return config.retrieval
    clean, ranking = run.ref(CLEAN), run.fold(RANKING)
    window = Fold("als", 2 * ranking.cut_ms - ranking.end_ms, ranking.cut_ms)
    params = {
        "retrieval": config.retrieval.model_dump(mode="json"),
        "window": [window.cut_ms, window.end_ms],
        "max_queries": budget.max_queries,
        "session_timeout_minutes": config.cleaning.session_timeout_minutes,
        "seed": config.seed,
    }

    def compute(out: Path) -> dict[str, Any]:
        key = fingerprint(
            STUDY,
            rooms=["dataset", "retrieval", "tuning"],
            params=params,
            inputs=[clean.digest],
        )
        found, trials = search_als(
            _bench(run, window),
            sample_queries(
                read_log(run, before_ms=window.end_ms),
                window,
                n_known_items=count_items(run, before_ms=window.cut_ms),
                max_queries=budget.max_queries,
                max_history=config.retrieval.max_history,
                horizon_hours=config.ranking.label_horizon_hours,
                session_timeout_minutes=config.cleaning.session_timeout_minutes,
                event_types=read_event_types(run),
                rng=np.random.default_rng(config.seed),
            ),
            journal=LakeJournal(run.lake, STUDY, key),
            budget=Budget(budget.als_trials, budget.als_minutes),
            seed=config.seed,
            clock=clock,
        )
        (out / _FILE).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return {"trials": trials}

    run.perform(
        STEP,
        rooms=["dataset", "features", "retrieval", "tuning"],
        params={**params, "trials": budget.als_trials, "minutes": budget.als_minutes},
        inputs=[clean],
        compute=compute,
    )
    return fitted_retrieval(run)


def _bench(run: Run, window: Fold) -> AlsBench:
    return AlsBench(
        read_log(run, before_ms=window.cut_ms),
        window.cut_ms,
        read_event_types(run).weight_array(),
        run.config.retrieval,
        run.config.seed,
        run.config.threads,
    )
