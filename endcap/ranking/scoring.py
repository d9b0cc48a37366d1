"""Candidates to scores: the one path of serving, calibration and evaluation."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features.item_table import ItemTable
from endcap.features.matrix import feature_matrix
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.union import Candidates
from endcap.stages import FEATURES, RANK, OnStage, untimed

ROWS_AT_ONCE: Final = 100_000
"""Bounds the feature matrix: some 30 MB, whatever the number of visitors."""


def score_candidates(
    scorer: TreeScorer,
    histories: Histories,
    candidates: Candidates,
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
    on_stage: OnStage = untimed,
) -> NDArray[np.float64]:
    """Return the ranker's score of every candidate row, float64 (m,).

    `histories` and `candidates` are of the same visitors, `event_weights` float32 by event type
    code. A visitor's scores are the same to the bit whatever the batch.
    """
    scores = np.empty(len(candidates.item), dtype=np.float64)
    for start, stop in _batches(candidates.ptr):
        low, high = int(candidates.ptr[start]), int(candidates.ptr[stop])
        with on_stage(FEATURES):
            features = feature_matrix(
                histories.slice(start, stop),
                candidates.slice(start, stop),
                items,
                config,
                event_weights,
            )
        with on_stage(RANK):
            scores[low:high] = scorer.predict(features)
    return scores


def _batches(ptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Return ranges of visitors with up to `ROWS_AT_ONCE` candidates, of one visitor at least."""
    start = 0
    while start < len(ptr) - 1:
        full = int(np.searchsorted(ptr, ptr[start] + ROWS_AT_ONCE, side="right")) - 1
        stop = max(full, start + 1)
        yield start, stop
        start = stop


def rank_candidates(candidates: Candidates, scores: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return each visitor's candidate items, best score first, int32 (m,); ties by item code."""
    return candidates.item[np.lexsort((candidates.item, -scores, candidates.rows()))]
