"""A labelled fold of a run, put together from its shards: queries, candidates, model parts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import EventTypes
from endcap.dataset.queries import Queries
from endcap.features.item_table import ItemTable
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.scoring import score_candidates
from endcap.retrieval.source import CandidateSource
from endcap.retrieval.tuning import with_settings
from endcap.retrieval.union import Candidates, load_sources
from endcap.use_cases.clean_log import read_event_types
from endcap.use_cases.fold_queries import read_queries
from endcap.use_cases.runs import CLEAN, Run, StepRef
from endcap.use_cases.tuned_retrieval import STEP, tuned_retrieval


@dataclass(frozen=True)
class LabelledFold:
    """All queries of a fold, what was proposed for each, and what they are scored with."""

    queries: Queries
    candidates: Candidates
    sources: dict[str, CandidateSource]
    items: ItemTable
    scorer: TreeScorer
    event_types: EventTypes

    def scores(self, run: Run) -> NDArray[np.float64]:
        """Return the ranker's score of every candidate row, float64 (m,)."""
        return score_candidates(
            self.scorer,
            self.queries.histories,
            self.candidates,
            self.items,
            run.config.features,
            self.event_types.weight_array(),
        )


def shard_refs(run: Run, fold: str) -> list[StepRef]:
    """Return the steps that hold the candidates of a fold, in the order of its queries.

    Raises `NotFoundError` if one of them is not finished.
    """
    shards = run.ref("queries").facts["shards"][fold]
    return [run.ref(f"candidates-{fold}-{shard}") for shard in range(shards)]


def fold_inputs(run: Run, fold: str) -> list[StepRef]:
    """Return the steps that `open_fold` reads, in a fixed order. Raises `NotFoundError`."""
    parts = (CLEAN, "items", "queries", f"retrieval-{fold}", STEP, "ranker")
    return [*(run.ref(part) for part in parts), *shard_refs(run, fold)]


@contextmanager
def open_fold(run: Run, fold: str) -> Iterator[LabelledFold]:
    """Give one labelled fold; its arrays may be mapped from the lake while the context lasts.

    Raises `NotFoundError` if a step that it is put together from is not finished.
    """
    _, items, _, retrieval, _, ranker, *shards = fold_inputs(run, fold)
    with ExitStack() as stack:
        enter = stack.enter_context
        items_folder = enter(run.lake.open(items.path, only=[f"{fold}/"])) / fold
        shard_folders = [enter(run.lake.open(shard.path)) for shard in shards]
        yield LabelledFold(
            queries=read_queries(run, fold),
            candidates=Candidates.concat([Candidates.load(folder) for folder in shard_folders]),
            sources=with_settings(
                load_sources(enter(run.lake.open(retrieval.path))), tuned_retrieval(run)
            ),
            items=ItemTable.load(items_folder),
            scorer=TreeScorer.load(enter(run.lake.open(ranker.path))),
            event_types=read_event_types(run),
        )
