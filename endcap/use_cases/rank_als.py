"""The baseline that the literature calls two-stage: ALS alone, ranked by YetiRank.

The ranker has the full stack's features, parameters and training moments. What it lacks is the
other sources: it learns from ALS's candidates and puts them in order.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.dataset.queries import Queries
from endcap.errors import NotEnoughDataError
from endcap.evaluation.baselines import ALS, BASELINES, Proposer
from endcap.evaluation.recommendations import Recommendations, from_ragged, list_length
from endcap.ranking.ranker import fit_ranker
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.scoring import rank_candidates
from endcap.ranking.table import concat_tables
from endcap.ranking.tuning import TuningResult
from endcap.retrieval.als import AlsSource
from endcap.retrieval.union import load_sources, unite
from endcap.use_cases.answer_baselines import STEP as BASELINE_LISTS
from endcap.use_cases.answer_baselines import fitted_baseline, read_als_proposals
from endcap.use_cases.folds import RANKING, TEST
from endcap.use_cases.generate_candidates import ranking_table
from endcap.use_cases.labelled_folds import fold_inputs, open_fold
from endcap.use_cases.runs import Run, StepRef
from endcap.use_cases.tune_baselines import STEP as BASELINE_TUNING
from endcap.use_cases.tune_baselines import read_tuned, training_before

STEP: Final = "als-to-yetirank"
_LISTS: Final = "lists.npy"


def rank_als(run: Run) -> StepRef:
    """Fit a ranker on the tuned ALS's candidates, and rank those of the test moments by it.

    Where they teach no order, they stay in that of ALS. Raises `NotFoundError` if a step before
    this one is not finished.
    """
    config = run.config

    def compute(out: Path) -> dict[str, Any]:
        try:
            scorer = _fit(run)
        except NotEnoughDataError:
            scorer = None
        np.save(out / _LISTS, _lists(run, scorer).items)
        return {"ranked": scorer is not None}

    return run.perform(
        STEP,
        rooms=["dataset", "evaluation", "features", "ranking", "retrieval", "tuning"],
        params={
            "retrieval": config.retrieval.model_dump(mode="json"),
            "features": config.features.model_dump(mode="json"),
            "negatives_per_query": config.ranking.negatives_per_query,
            "cutoffs": list(config.evaluation.cutoffs),
            "cuts_ms": [run.fold(fold).cut_ms for fold in (RANKING, TEST)],
            "seed": config.seed,
            "threads": config.threads,
        },
        inputs=[
            *fold_inputs(run, TEST),
            run.ref(f"retrieval-{RANKING}"),
            *(run.ref(step) for step in ("tuning", BASELINE_TUNING, BASELINE_LISTS)),
        ],
        compute=compute,
    )


def read_ranked_als(run: Run) -> Recommendations:
    """Return the lists of the test moments. Raises `NotFoundError`."""
    with run.lake.open(run.ref(STEP).path) as folder:
        return Recommendations(np.load(folder / _LISTS))


def _fit(run: Run) -> TreeScorer:
    """Return the trees fitted on ALS's candidates at the ranking fold's moments."""
    config = run.config
    with run.lake.open(run.ref("tuning").path) as folder:
        text = (folder / "tuning.json").read_text(encoding="utf-8")
    queries_ref, retrieval = run.ref("queries"), run.ref(f"retrieval-{RANKING}")
    with (
        run.lake.open(retrieval.path) as sources_folder,
        run.lake.open(queries_ref.path, only=[f"{RANKING}/"]) as queries_folder,
    ):
        als = _ranking_als(run, sources_folder)
        tables, counts = [], []
        for shard in range(queries_ref.facts["shards"][RANKING]):
            queries = Queries.load(queries_folder / RANKING / str(shard))
            found = als.propose(queries.histories, config.retrieval.candidates_per_source)
            candidates = unite({AlsSource.name: found}, n_visitors=len(queries))
            tables.append(ranking_table(run, queries, candidates, shard))
            counts.append(len(queries))
    params = TuningResult.from_json(text).params
    return fit_ranker(
        concat_tables(tables, counts), params, seed=config.seed, threads=config.threads
    ).scorer


def _ranking_als(run: Run, sources_folder: Path) -> Proposer:
    (baseline,) = (one for one in BASELINES if one.name == ALS)
    training = training_before(run, run.fold(RANKING).cut_ms)
    return fitted_baseline(baseline, read_tuned(run)[ALS], training, load_sources(sources_folder))


def _lists(run: Run, scorer: TreeScorer | None) -> Recommendations:
    """Return ALS's candidates at the test moments, best score first."""
    found = read_als_proposals(run)
    with open_fold(run, TEST) as fold:
        width = list_length(fold.queries.histories, run.config.evaluation.cutoffs)
        if scorer is None:
            return from_ragged(found.ptr, found.item, width=width)
        candidates = unite({AlsSource.name: found}, n_visitors=len(fold.queries))
        ranked = replace(fold, candidates=candidates, scorer=scorer)
        order = rank_candidates(candidates, ranked.scores(run))
    return from_ragged(candidates.ptr, order, width=width)
