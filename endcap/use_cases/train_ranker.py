"""The ranker, fitted with the parameters that tuning chose."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from endcap.ports import Lake
from endcap.ranking.ranker import fit_ranker
from endcap.ranking.tuning import TuningResult
from endcap.use_cases.folds import RANKING
from endcap.use_cases.labelled_folds import shard_refs
from endcap.use_cases.runs import open_run
from endcap.use_cases.tune_ranker import load_table


def train_ranker(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Fit the ranker of the run ``request["run_id"]``.

    Returns what it was fitted on: ``rows``, ``queries``. Raises `NotFoundError` if there is no such
    run, or a step before this one is not finished; `NotEnoughDataError` if the table teaches no
    order.
    """
    run = open_run(str(request["run_id"]), lake)
    config, shards, tuning = run.config, shard_refs(run, RANKING), run.ref("tuning")

    def compute(out: Path) -> dict[str, Any]:
        table = load_table(run, shards)
        with lake.open(tuning.path) as folder:
            result = TuningResult.from_json((folder / "tuning.json").read_text(encoding="utf-8"))
        fit_ranker(table, result.params, seed=config.seed, threads=config.threads).save(out)
        return {"rows": len(table), "queries": len(np.unique(table.group))}

    ref = run.perform(
        "ranker",
        rooms=["dataset", "features", "ranking", "retrieval", "tuning"],
        params={"seed": config.seed, "threads": config.threads},
        inputs=[*shards, tuning],
        compute=compute,
    )
    return {**ref.facts, "reused": ref.reused}
