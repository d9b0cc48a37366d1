"""The ranker's parameters, searched within the ranking fold."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from endcap.ports import Lake
from endcap.ranking.table import RankingTable, concat_tables
from endcap.ranking.tuning import tune_ranker as search
from endcap.use_cases.folds import RANKING
from endcap.use_cases.labelled_folds import shard_refs
from endcap.use_cases.runs import Run, StepRef, open_run


def tune_ranker(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Search the ranker's parameters for the run ``request["run_id"]``.

    Returns ``trials``, their number, ``default_score`` and ``best_score``. Raises `NotFoundError`
    if there is no such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    config, shards = run.config, shard_refs(run, RANKING)

    def compute(out: Path) -> dict[str, Any]:
        result = search(
            load_table(run, shards),
            config=config.ranking,
            seed=config.seed,
            threads=config.threads,
        )
        (out / "tuning.json").write_text(result.to_json(), encoding="utf-8")
        return {
            "trials": len(result.trials),
            "default_score": result.default_score,
            "best_score": result.best_score,
        }

    ref = run.perform(
        "tuning",
        rooms=["dataset", "features", "retrieval", "ranking"],
        params={
            "ranking": config.ranking.model_dump(mode="json"),
            "seed": config.seed,
            "threads": config.threads,
        },
        inputs=shards,
        compute=compute,
    )
    return {**ref.facts, "reused": ref.reused}


def load_table(run: Run, shards: Sequence[StepRef]) -> RankingTable:
    """Return the whole ranking table, from the steps that hold its shards, in order."""
    with ExitStack() as stack:
        folders = [
            stack.enter_context(run.lake.open(shard.path, only=["table/"])) for shard in shards
        ]
        return concat_tables([RankingTable.load(folder / "table") for folder in folders])
