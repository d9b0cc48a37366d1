"""Item-to-item neighbours by random walks of three steps: RP3beta.

References
----------
Paudel, Christoffel, Newell & Bernstein: Updatable, accurate, diverse, and scalable recommendations
for interactive applications (2017).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from endcap.dataset.log import InteractionLog
from endcap.retrieval.item_knn import recent_touches
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

ITEMS_AT_ONCE = 4096


@dataclass(frozen=True)
class Rp3BetaParams:
    """`alpha` sharpens the steps of the walk, `beta` holds popular items back.

    Of a visitor the newest `events_per_visitor` events are learnt from and the newest
    `query_events` are asked with, of which one `recency_half_life_events` back counts half.
    """

    alpha: float = 0.8
    beta: float = 0.2
    recency_half_life_events: float = 2.0
    neighbours: int = 100
    events_per_visitor: int = 200
    query_events: int = 20


@dataclass(frozen=True)
class Rp3Beta(NeighbourLists):
    r"""Neighbours by the chance to walk from an item to a visitor to an item.

    With :math:`c` the events of a visitor on an item, :math:`n_i` and :math:`n_u` all events of an
    item and of a visitor:
    :math:`s_{ij} = \sum_u (c_{ui} / n_i)^\alpha (c_{uj} / n_u)^\alpha / n_j^\beta`.
    An item is a neighbour of itself, so repeats are proposed as well.
    """

    name: ClassVar[str] = "rp3beta"

    @classmethod
    def fit(cls, log: InteractionLog, *, cut_ms: int, params: Rp3BetaParams) -> Self:
        """Walk from every item. Raises `DatasetError` for an event at or after `cut_ms`."""
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


def _steps(log: InteractionLog, params: Rp3BetaParams) -> tuple[Any, Any]:
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
