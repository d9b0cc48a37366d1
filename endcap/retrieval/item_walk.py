"""Where two steps along co-visited items lead: neighbours of neighbours.

Counts of pairs know little of an item that few visited. Its neighbours' neighbours are many, and
those that several of them share are near it as well.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.covisitation import neighbour_weights
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # their modules must not be loaded by what only proposes
    from endcap.dataset.log import InteractionLog

ROWS_AT_ONCE = 4096
"""Bounds memory: that many items' neighbours of neighbours are held before the best are kept."""


@dataclass(frozen=True, eq=False, repr=False)
class ItemWalkSource(NeighbourLists):
    """Neighbours by the probability of a walk of two steps."""

    name: ClassVar[str] = "item_walk"

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,  # noqa: ARG003
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Walk twice over the pairs that co-visitation counts.

        A step from i to j has the probability ``c_ij / (c_i. + prior_weight)``, c as in
        `covisitation.neighbour_weights`, of the `steps_per_item` likeliest j. An item is no
        neighbour of itself. See `CandidateSource.fit`.
        """
        require_before_cut(log, cut_ms)
        settings = config.item_walk
        row, item, count = neighbour_weights(
            log, cut_ms=cut_ms, event_weights=event_weights, config=config.covisitation
        )
        out_total = np.bincount(row, weights=count, minlength=log.n_items)
        likely = best_first(
            row,
            item,
            (count / (out_total[row] + settings.prior_weight)).astype(np.float32),
            n_rows=log.n_items,
            k=settings.steps_per_item,
        )
        best = _walk_twice(likely.ptr, likely.item, likely.score, k=settings.neighbours)
        return cls(
            ptr=best.ptr,
            neighbour=best.item,
            similarity=best.score,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
        )


def _walk_twice(
    ptr: NDArray[np.int64], item: NDArray[np.int32], probability: NDArray[np.float32], *, k: int
) -> Proposals:
    """Return the `k` likeliest ends of two steps from each item, itself left out."""
    # SciPy multiplies sparse matrices; serving never comes here and must not load it.
    from scipy.sparse import csr_array  # noqa: PLC0415

    n_items = len(ptr) - 1
    step: csr_array = csr_array(
        (probability.astype(np.float64), item, ptr), shape=(n_items, n_items)
    )
    step.sort_indices()
    edges = [*range(0, n_items, ROWS_AT_ONCE), n_items]
    parts = []
    for low, high in pairwise(edges):
        twice = (step[low:high] @ step).tocoo()
        order = np.lexsort((twice.col, twice.row))
        row, end = twice.row[order].astype(np.int64), twice.col[order].astype(np.int32)
        other = end != row + low
        score = twice.data[order].astype(np.float32)
        parts.append(best_first(row[other], end[other], score[other], n_rows=high - low, k=k))
    return concatenate_proposals(parts)
