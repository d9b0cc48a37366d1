"""Candidates of one shard of queries; for the ranking fold, the table the ranker learns from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from endcap.dataset.queries import Queries
from endcap.features.item_table import ItemTable
from endcap.features.matrix import feature_matrix
from endcap.ports import Lake
from endcap.ranking.table import RankingTable, build_table, sample_candidates
from endcap.retrieval.tuning import with_settings
from endcap.retrieval.union import Candidates, load_sources, propose_candidates
from endcap.use_cases.clean_log import read_event_types
from endcap.use_cases.folds import RANKING
from endcap.use_cases.runs import CLEAN, Run, open_run
from endcap.use_cases.tuned_retrieval import STEP, tuned_retrieval


def generate_candidates(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Propose candidates for shard ``request["shard"]`` of the fold ``request["fold"]``.

    Returns how many ``queries`` and ``candidates`` there are. Raises `NotFoundError` if there is no
    such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    fold, shard, config = str(request["fold"]), int(request["shard"]), run.config
    queries_ref, retrieval = run.ref("queries"), run.ref(f"retrieval-{fold}")

    def compute(out: Path) -> dict[str, Any]:
        with (
            lake.open(queries_ref.path, only=[f"{fold}/{shard}/"]) as queries_folder,
            lake.open(retrieval.path) as sources_folder,
        ):
            queries = Queries.load(queries_folder / fold / str(shard))
            asked = tuned_retrieval(run)
            sources = with_settings(load_sources(sources_folder), asked)
            candidates = propose_candidates(sources, queries.histories, asked)
        candidates.save(out)
        if fold == RANKING:
            ranking_table(run, queries, candidates, shard).save(out / "table")
        return {"queries": len(queries), "candidates": len(candidates.item)}

    ref = run.perform(
        f"candidates-{fold}-{shard}",
        rooms=["dataset", "features", "retrieval", "ranking", "tuning"],
        params={
            "fold": fold,
            "shard": shard,
            "features": config.features.model_dump(mode="json"),
            "negatives_per_query": config.ranking.negatives_per_query,
            "seed": config.seed,
        },
        inputs=[run.ref(CLEAN), queries_ref, run.ref("items"), retrieval, run.ref(STEP)],
        compute=compute,
    )
    return {**ref.facts, "fold": fold, "shard": shard, "reused": ref.reused}


def ranking_table(run: Run, queries: Queries, candidates: Candidates, shard: int) -> RankingTable:
    """Return some of a shard's candidates in the ranking fold, with features and labels."""
    config, negatives = run.config, run.config.ranking.negatives_per_query
    kept = sample_candidates(
        queries,
        candidates,
        negatives_per_query=negatives,
        rng=np.random.default_rng([config.seed, shard]),
    )
    with run.lake.open(run.ref("items").path, only=[f"{RANKING}/"]) as items_folder:
        features = feature_matrix(
            queries.histories,
            kept,
            ItemTable.load(items_folder / RANKING),
            config.features,
            read_event_types(run).weight_array(),
        )
    return build_table(
        queries,
        kept,
        features,
        negatives_per_query=negatives,
        # `kept` has no more negatives than that: nothing is drawn again.
        rng=np.random.default_rng([config.seed, shard]),
    )
