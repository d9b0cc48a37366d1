"""Item-to-item neighbours by the BM25 weights of who touched both, whenever that was.

References
----------
Sarwar et al.: Item-based collaborative filtering recommendation algorithms (2001). Robertson &
Zaragoza: The probabilistic relevance framework: BM25 and beyond (2009).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import ItemKnnConfig, RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.source import require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True, eq=False, repr=False)
class ItemKnnSource(NeighbourLists):
    """Neighbours by cosine, each item its own nearest, so repeats are proposed as well.

    With a `norm_exponent` below 1 an item may have nearer ones than itself.
    """

    name: ClassVar[str] = "item_knn"

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],  # noqa: ARG003
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Compare the items by their visitors. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        # implicit belongs to the training images; serving never fits.
        from implicit.nearest_neighbours import all_pairs_knn  # noqa: PLC0415

        settings = config.item_knn
        matrix = _weighted(log, settings)
        row = item = np.zeros(0, dtype=np.int64)
        similarity = np.zeros(0)
        if matrix.nnz:
            pairs = all_pairs_knn(
                matrix, settings.neighbours, num_threads=threads, show_progress=False
            ).tocsr()
            pairs.sort_indices()
            kept = pairs.data > 0
            row = np.repeat(np.arange(log.n_items, dtype=np.int64), np.diff(pairs.indptr))[kept]
            item, similarity = pairs.indices[kept], pairs.data[kept]
        return cls.of_pairs(
            row,
            item.astype(np.int32),
            similarity,
            n_items=log.n_items,
            neighbours=settings.neighbours,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
        )


def _weighted(log: "InteractionLog", config: ItemKnnConfig) -> Any:  # noqa: ANN401
    r"""Return the BM25 weights (visitors, items) as CSR, over a power of their column's length.

    An item is a document, a visitor a term. With :math:`c` the events of a visitor on an item,
    :math:`L` an item's events over their mean and :math:`n_u` the visitor's distinct items of
    :math:`N`: :math:`\frac{c (k_1 + 1)}{c + k_1 (1 - b + b L)} \log(1 + N / n_u)`, divided by
    its item's length to the power `norm_exponent`: with 1 an item's column has length 1.
    """
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - training only, as above

    user, item, count = recent_touches(log, config.events_per_visitor)
    events = np.bincount(item, weights=count, minlength=log.n_items)
    relative = events / max(float(events.sum()) / max(int(np.count_nonzero(events)), 1), 1.0)
    length = 1.0 - config.length_weight + config.length_weight * relative[item]
    distinct = np.bincount(user, minlength=log.n_users)
    weight = count * (config.saturation + 1.0) / (count + config.saturation * length)
    weight = weight * np.log1p(log.n_items / distinct[user])
    norm = np.sqrt(np.bincount(item, weights=weight**2, minlength=log.n_items))
    weight = weight / norm[item] ** config.norm_exponent
    return csr_matrix((weight, (user, item)), shape=(log.n_users, log.n_items))


def recent_touches(
    log: "InteractionLog", events_per_visitor: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return the visitors, items and numbers of events of all distinct pairs, by visitor, item.

    Of a visitor the newest `events_per_visitor` events count.
    """
    from_end = log.ptr[log.user.astype(np.int64) + 1] - np.arange(len(log))
    recent = from_end <= events_per_visitor
    stride = max(log.n_items, 1)
    pair, count = np.unique(
        log.user[recent].astype(np.int64) * stride + log.item[recent], return_counts=True
    )
    return pair // stride, (pair % stride).astype(np.int32), count
