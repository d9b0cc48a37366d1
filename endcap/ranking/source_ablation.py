"""Scores as they would be without one of the candidate sources, the ranker left as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features.item_table import ItemTable
from endcap.features.matrix import feature_matrix
from endcap.features.registry import FEATURES
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.union import SOURCES, Candidates

QUERIES_AT_ONCE: Final = 256
WITH_ALL: Final = ""
"""The name under which the scores with all sources go."""
_COLUMNS: Final = {
    name: [
        column
        for column, feature in enumerate(FEATURES)
        if feature.side == "source" and feature.family == name
    ]
    for name in SOURCES
}
"""The features that each source tells."""


@dataclass(frozen=True)
class Scoring:
    """What scores candidates: trees, and what features are made of besides them."""

    scorer: TreeScorer
    items: ItemTable
    config: FeatureConfig
    event_weights: NDArray[np.float32]


def scores_without_sources(
    scoring: Scoring, histories: Histories, candidates: Candidates, without: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the score of every candidate row with all sources, and without each of `without`.

    Without a source, what it tells is missing, as if it had proposed nothing; that is all that it
    shows in, so the other features are computed once.
    """
    ptr = candidates.ptr
    scores = {name: np.empty(int(ptr[-1]), dtype=np.float64) for name in (WITH_ALL, *without)}
    for start in range(0, len(histories), QUERIES_AT_ONCE):
        stop = min(start + QUERIES_AT_ONCE, len(histories))
        rows = slice(int(ptr[start]), int(ptr[stop]))
        features = _features(scoring, histories.slice(start, stop), candidates.slice(start, stop))
        scores[WITH_ALL][rows] = scoring.scorer.predict(features)
        for name in without:
            columns = _COLUMNS[name]
            theirs = features[:, columns]
            features[:, columns] = np.nan
            scores[name][rows] = scoring.scorer.predict(features)
            features[:, columns] = theirs
    return scores


def _features(
    scoring: Scoring, histories: Histories, candidates: Candidates
) -> NDArray[np.float32]:
    return feature_matrix(
        histories,
        candidates,
        scoring.items,
        scoring.config,
        scoring.event_weights,
    )
