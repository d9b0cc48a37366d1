"""What visitors look at, put in the cart and buy near an item."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import CovisitationConfig, RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.source import require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False, repr=False)
class CovisitationSource(NeighbourLists):
    """Neighbours by decayed counts of pairs, either way round."""

    name: ClassVar[str] = "covisitation"

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
        """Count pairs of one visitor's events and keep each item's best. See `neighbour_weights`.

        The similarity of j to i is ``c_ij / (c_i. * c_.j ** damping)``, where ``c_i.`` and
        ``c_.j`` are the sums over row and column. See `CandidateSource.fit`.
        """
        require_before_cut(log, cut_ms)
        settings = config.covisitation
        row, item, count = neighbour_weights(
            log, cut_ms=cut_ms, event_weights=event_weights, config=settings
        )
        out_total = np.bincount(row, weights=count, minlength=log.n_items)
        in_total = np.bincount(item, weights=count, minlength=log.n_items)
        similarity = count / (out_total[row] * in_total[item] ** settings.popularity_damping)
        return cls.of_pairs(
            row,
            item,
            similarity,
            n_items=log.n_items,
            neighbours=settings.neighbours,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
        )


def neighbour_weights(
    log: "InteractionLog",
    *,
    cut_ms: int,
    event_weights: NDArray[np.float32],
    config: CovisitationConfig,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the distinct pairs (item, neighbour), in order, with their weights.

    Two events of one visitor on different items, s steps and g hours apart, within the configured
    limits, the later one a days before the cut, count
    ``w / s * 2**(-g / gap_half_life) * 2**(-a / half_life)`` for the pair earlier -> later and
    `backward_weight` of it for later -> earlier; w is the weight of the neighbour's event type.
    """
    # SciPy adds up the pairs in linear time; serving never comes here and must not load it.
    from scipy.sparse import coo_array  # noqa: PLC0415

    forward, backward = [], []
    for step in range(1, config.max_steps + 1):
        gap_ms = log.time_ms[step:] - log.time_ms[:-step]
        near = (log.user[step:] == log.user[:-step]) & (gap_ms <= config.max_gap_hours * HOUR_MS)
        first = np.flatnonzero(near & (log.item[step:] != log.item[:-step]))
        second = first + step
        decay = np.exp2(-gap_ms[first] / (config.gap_half_life_hours * HOUR_MS)) / step
        decay *= np.exp2(-(cut_ms - log.time_ms[second]) / (config.half_life_days * DAY_MS))
        ahead = decay * event_weights[log.event_type[second]]
        behind = decay * event_weights[log.event_type[first]] * config.backward_weight
        forward.append((log.item[first], log.item[second], ahead))
        backward.append((log.item[second], log.item[first], behind))
    pairs = forward + (backward if config.backward_weight > 0 else [])
    row, column, weight = (np.concatenate(part) for part in zip(*pairs, strict=True))
    table = coo_array((weight, (row, column)), shape=(log.n_items, log.n_items)).tocsr()
    table.sort_indices()
    table.data[table.data < np.finfo(np.float32).tiny] = 0
    table.eliminate_zeros()
    counted = np.repeat(np.arange(log.n_items, dtype=np.int64), np.diff(table.indptr))
    return counted, table.indices.astype(np.int32), table.data
