"""Item-to-item neighbours by random walks of three steps: RP3beta.

References
----------
Paudel, Christoffel, Newell & Bernstein: Updatable, accurate, diverse, and scalable recommendations
for interactive applications (2017).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig, Rp3BetaConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.item_knn import recent_touches
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

ITEMS_AT_ONCE = 512


@dataclass(frozen=True, eq=False, repr=False)
class Rp3BetaSource(NeighbourLists):
    r"""Neighbours by the chance to walk from an item to a visitor to an item.

    With :math:`c` the events of a visitor on an item, :math:`n_i` and :math:`n_u` all events of an
    item and of a visitor:
    :math:`s_{ij} = \sum_u (c_{ui} / n_i)^\alpha (c_{uj} / n_u)^\alpha / n_j^\beta`.
    An item is a neighbour of itself, so repeats are proposed as well.
    """

    name: ClassVar[str] = "rp3beta"

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],  # noqa: ARG003
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,  # noqa: ARG003
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Walk from every item. See `CandidateSource.fit`."""
        params = config.rp3beta
        require_before_cut(log, cut_ms)
        back, forth = _steps(log, params)
        edges = [*range(0, max(log.n_items, 1), ITEMS_AT_ONCE), log.n_items]
        parts = [
            _nearest(back[low:high] @ forth, params.neighbours) for low, high in pairwise(edges)
        ]
        near = concatenate_proposals(parts)
        return cls.of_pairs(
            near.rows(),
            near.item,
            near.score.astype(np.float64),
            n_items=log.n_items,
            neighbours=params.neighbours,
            query_events=params.query_events,
            recency_half_life_events=params.recency_half_life_events,
        )


def _nearest(walked: Any, neighbours: int) -> Proposals:  # noqa: ANN401
    """Return the `neighbours` items of each row that most walks end at."""
    row = np.repeat(np.arange(walked.shape[0], dtype=np.int64), np.diff(walked.indptr))
    item, score = walked.indices.astype(np.int32), walked.data.astype(np.float32)
    return best_first(row, item, score, n_rows=walked.shape[0], k=neighbours)


def _steps(log: "InteractionLog", params: Rp3BetaConfig) -> tuple[Any, Any]:
    """Return the powers of the chances to step from items to visitors, and back to items.

    CSR (items, visitors) and (visitors, items); the second one holds popular items back.
    """
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - training only

    user, item, count = recent_touches(log, params.events_per_visitor)
    of_item = np.bincount(item, weights=count, minlength=log.n_items)[item]
    of_user = np.bincount(user, weights=count, minlength=log.n_users)[user]
    shape = (log.n_users, log.n_items)
    back = csr_matrix(((count / of_item) ** params.alpha, (user, item)), shape=shape)
    forth = (count / of_user) ** params.alpha / of_item**params.beta
    return back.T.tocsr(), csr_matrix((forth, (user, item)), shape=shape)
