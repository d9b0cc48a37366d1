"""Items that somebody names, as candidates: what the sources say of them, or popularity alone."""

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.retrieval.union import Candidates, propose_items, score_all
from endcap.serving.model import ServingModel
from endcap.serving.taking import popularity_columns


def as_candidates(model: ServingModel, history: Histories, item: NDArray[np.int32]) -> Candidates:
    """Return the items as candidates of the one visitor of `history`.

    `item`: int32 (m,), distinct codes, ascending. An item has the scores, ranks and likeness that
    it has, or would have, in a slate of this visitor.
    """
    recent = history.newest(model.config.retrieval.max_history)
    proposed = propose_items(model.sources, recent, model.config.retrieval)
    scores, ranks = popularity_columns(item, model)
    _, theirs, ours = np.intersect1d(proposed.item, item, assume_unique=True, return_indices=True)
    scores[ours] = proposed.scores[theirs]
    ranks[ours] = proposed.ranks[theirs]
    ptr = np.asarray([0, len(item)], dtype=np.int64)
    given = Candidates.unlikened(ptr, item, scores, ranks)
    score_all(given, model.sources, recent, model.config.retrieval)
    return given
