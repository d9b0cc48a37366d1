"""The moments to learn from, calibrate on and test on, in shards; and the item tables."""

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from endcap.config import RunConfig
from endcap.dataset.queries import Queries, sample_queries
from endcap.dataset.splits import Fold
from endcap.errors import NotEnoughDataError
from endcap.ports import Lake
from endcap.use_cases.clean_log import count_items, read_event_types, read_log
from endcap.use_cases.folds import CALIBRATION, LABELLED, RANKING, TEST
from endcap.use_cases.item_tables import family_refs, item_table
from endcap.use_cases.runs import CLEAN, Run, StepRef, open_run
from endcap.use_cases.tuned_retrieval import search_retrieval


def plan_candidates(
    request: Mapping[str, Any], lake: Lake, *, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Assemble the folds' item tables, sample their queries, and name the shards to map over.

    Also searches what the sources are asked for, on moments of the ranking window. Returns
    ``shards``, a list of ``{"fold", "shard"}``, ``queries``, their number by fold, ``trials`` and
    ``asked_with``: the defaults, or the best trial.
    Raises `NotEnoughDataError` if a fold's window holds no query, `NotFoundError` if there is no
    such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    _assemble_item_tables(run)
    queries = sample_shards(run)
    search = search_retrieval(run, clock=clock)
    shards = [
        {"fold": fold, "shard": shard}
        for fold, count in queries.facts["shards"].items()
        for shard in range(count)
    ]
    return {
        "shards": shards,
        "queries": queries.facts["queries"],
        **search.facts,
        "reused": queries.reused and search.reused,
    }


def _assemble_item_tables(run: Run) -> StepRef:
    def compute(out: Path) -> dict[str, Any]:
        for name in run.folds():
            item_table(run, name).save(out / name)
        return {}

    return run.perform(
        "items",
        rooms=["dataset", "features", "retrieval", "tuning"],
        params={},
        inputs=family_refs(run),
        compute=compute,
    )


def sample_shards(run: Run) -> StepRef:
    """Sample the queries of all labelled folds and keep them in shards.

    Raises `NotEnoughDataError` if a fold's window holds none.
    """
    config = run.config
    folds = [run.fold(name) for name in LABELLED]

    def compute(out: Path) -> dict[str, Any]:
        counts, shards = {}, {}
        for position, fold in enumerate(folds):
            queries = _fold_queries(run, fold, position)
            counts[fold.name] = len(queries)
            shards[fold.name] = save_shards(queries, out / fold.name, config.shards)
        return {"queries": counts, "shards": shards}

    return run.perform(
        "queries",
        rooms=["dataset", "features", "retrieval", "tuning"],
        params={
            "limits": _limits(config),
            "max_history": config.retrieval.max_history,
            "horizon_hours": config.ranking.label_horizon_hours,
            "session_timeout_minutes": config.cleaning.session_timeout_minutes,
            "folds": [[fold.name, fold.cut_ms, fold.end_ms] for fold in folds],
            "shards": config.shards,
            "seed": config.seed,
        },
        inputs=[run.ref(CLEAN)],
        compute=compute,
    )


def _limits(config: RunConfig) -> dict[str, int]:
    return {
        RANKING: config.ranking.max_queries,
        CALIBRATION: config.uncertainty.max_queries,
        TEST: config.evaluation.max_queries,
    }


def _fold_queries(run: Run, fold: Fold, position: int) -> Queries:
    config = run.config
    queries = sample_queries(
        read_log(run, before_ms=fold.end_ms),
        fold,
        n_known_items=count_items(run, before_ms=fold.cut_ms),
        max_queries=_limits(config)[fold.name],
        max_history=config.retrieval.max_history,
        horizon_hours=config.ranking.label_horizon_hours,
        session_timeout_minutes=config.cleaning.session_timeout_minutes,
        event_types=read_event_types(run),
        rng=np.random.default_rng([config.seed, position]),
    )
    if not len(queries):
        raise NotEnoughDataError(
            f"no returning visitor in the {fold.name} window of {fold.days:.1f} days: "
            f"the log is too small to learn a ranking from"
        )
    return queries


def save_shards(queries: Queries, folder: Path, shards: int) -> int:
    """Write the queries, cut into up to `shards` parts of nearly one size, and return how many.

    The parts lie in ``<folder>/0``, ``<folder>/1``, ...; none is empty.
    """
    bounds = np.linspace(0, len(queries), min(shards, len(queries)) + 1).astype(int)
    for shard, (start, stop) in enumerate(pairwise(bounds)):
        queries.slice(int(start), int(stop)).save(folder / str(shard))
    return len(bounds) - 1
