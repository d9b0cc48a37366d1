"""What the full stack loses without one of its sources, the ranker left as it is.

Without a source, the candidates that it alone proposed are gone, and for the others its score and
rank are missing, as if it had proposed nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config import EvaluationConfig, FeatureConfig
from endcap.dataset.queries import Queries
from endcap.evaluation.anatomy import SourceContribution
from endcap.evaluation.bootstrap import Estimate, VisitorDraws
from endcap.evaluation.metrics import ACCURACY, rank_gains
from endcap.evaluation.recommendations import Recommendations, from_ragged
from endcap.evaluation.tasks import NEXT_INTERACTION, relevant_items
from endcap.features.item_table import ItemTable
from endcap.features.matrix import feature_matrix
from endcap.features.registry import names
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.table import label_candidates
from endcap.retrieval.union import SOURCES, Candidates

QUERIES_AT_ONCE: Final = 256
METRICS: Final = ("hit_rate", "mrr", "ndcg")
_SOURCE_COLUMNS: Final = len(names()) - 2 * len(SOURCES)


@dataclass(frozen=True)
class Stack:
    """All that a full stack's lists are made of: moments, candidates, and what scores them."""

    queries: Queries
    candidates: Candidates
    scorer: TreeScorer
    items: ItemTable
    config: FeatureConfig
    event_weights: NDArray[np.float32]

    def features(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the features of the candidates of queries ``[start, stop)``."""
        part = self.candidates.slice(start, stop)
        return feature_matrix(
            self.queries.histories.slice(start, stop),
            part.ptr,
            part.item,
            part.scores,
            part.ranks,
            self.items,
            self.config,
            self.event_weights,
        )


def contributions(
    stack: Stack, *, config: EvaluationConfig, seed: int
) -> dict[str, SourceContribution]:
    """Return what each source that proposed anything gives, in the order of `SOURCES`."""
    proposed = ~np.isnan(stack.candidates.ranks)
    active = [name for column, name in enumerate(SOURCES) if proposed[:, column].any()]
    width = max(config.cutoffs)
    values = {name: _values(stack, lists, width) for name, lists in _lists(stack, active, width)}
    whole = values.pop("")
    draws = VisitorDraws.draw(
        stack.queries.user,
        samples=config.bootstrap_samples,
        confidence=config.confidence,
        rng=np.random.default_rng(seed),
    )
    is_next = label_candidates(stack.queries, stack.candidates).first
    alone = is_next & (proposed.sum(axis=1) == 1)
    n = max(len(stack.queries), 1)
    return {
        name: SourceContribution(
            found=float((is_next & proposed[:, column]).sum() / n),
            found_alone=float((alone & proposed[:, column]).sum() / n),
            losses=_losses(draws, whole, values[name], width),
        )
        for column, name in enumerate(SOURCES)
        if name in active
    }


def found_share(stack: Stack) -> float:
    """Return the share of the queries whose next item is among the candidates."""
    is_next = label_candidates(stack.queries, stack.candidates).first
    return float(is_next.sum() / max(len(stack.queries), 1))


def _lists(stack: Stack, active: list[str], width: int) -> Iterator[tuple[str, Recommendations]]:
    """Yield the lists without each source, and under the name "" those with all of them."""
    scores = _scores(stack, active)
    proposed = ~np.isnan(stack.candidates.ranks)
    row = stack.candidates.rows()
    for name, score in scores.items():
        others = [column for column, source in enumerate(SOURCES) if source != name]
        kept = np.flatnonzero(proposed[:, others].any(axis=1))
        item = stack.candidates.item[kept]
        order = np.lexsort((item, -score[kept], row[kept]))
        ptr = np.searchsorted(row[kept], np.arange(len(stack.queries) + 1)).astype(np.int64)
        yield name, from_ragged(ptr, item[order], width=width)


def _scores(stack: Stack, active: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return the score of every candidate row without each source, and with all of them ("").

    The features are computed once: a source only shows in its own two columns.
    """
    ptr = stack.candidates.ptr
    scores = {name: np.empty(int(ptr[-1]), dtype=np.float64) for name in ("", *active)}
    for start in range(0, len(stack.queries), QUERIES_AT_ONCE):
        stop = min(start + QUERIES_AT_ONCE, len(stack.queries))
        rows, features = slice(int(ptr[start]), int(ptr[stop])), stack.features(start, stop)
        scores[""][rows] = stack.scorer.predict(features)
        for name in active:
            column = _SOURCE_COLUMNS + 2 * list(SOURCES).index(name)
            theirs = features[:, column : column + 2].copy()
            features[:, column : column + 2] = np.nan
            scores[name][rows] = stack.scorer.predict(features)
            features[:, column : column + 2] = theirs
    return scores


def _values(stack: Stack, lists: Recommendations, width: int) -> Mapping[str, NDArray[np.float64]]:
    """Return each metric at the largest cut-off, query by query."""
    relevant = relevant_items(stack.queries, NEXT_INTERACTION)
    gains = rank_gains(lists, relevant, n_items=stack.items.n_items, width=width)
    return {metric: ACCURACY[metric](gains, width) for metric in METRICS}


def _losses(
    draws: VisitorDraws,
    whole: Mapping[str, NDArray[np.float64]],
    without: Mapping[str, NDArray[np.float64]],
    width: int,
) -> dict[str, Estimate]:
    columns = np.stack([whole[metric] - without[metric] for metric in METRICS], axis=1)
    names_at = [f"{metric}@{width}" for metric in METRICS]
    return dict(zip(names_at, draws.estimate(columns), strict=True))
