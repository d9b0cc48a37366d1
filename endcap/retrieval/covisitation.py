"""What visitors look at, put in the cart and buy near an item."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import CovisitationConfig, RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.recency import recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
QUERIES_AT_ONCE = 1024


@dataclass(frozen=True)
class CovisitationSource:
    """Each item's best neighbours, in compressed sparse row form.

    Item i's neighbours are ``[ptr[i], ptr[i + 1])`` of `neighbour` int32 and `similarity` float32,
    best first.
    """

    ptr: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    similarity: NDArray[np.float32]
    query_events: int
    recency_half_life_events: float

    name: ClassVar[str] = "covisitation"

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.ptr) - 1

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
        best = best_first(
            row, item, similarity.astype(np.float32), n_rows=log.n_items, k=settings.neighbours
        )
        return cls(
            ptr=best.ptr,
            neighbour=best.item,
            similarity=best.score,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` neighbours of each visitor's newest items.

        An item scores the sum over the newest events of ``2**(-age / half_life) * similarity``, age
        in events. No neighbours, no candidates.
        """
        parts = [
            self._propose_chunk(
                histories.slice(start, min(start + QUERIES_AT_ONCE, len(histories))), k
            )
            for start in range(0, len(histories), QUERIES_AT_ONCE)
        ]
        return concatenate_proposals(parts)

    def _propose_chunk(self, histories: Histories, k: int) -> Proposals:
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=np.ones(1, dtype=np.float32),
            limit=self.query_events,
        )
        start = self.ptr[events.item]
        size = self.ptr[events.item + 1] - start
        owner = np.repeat(np.arange(len(size)), size)
        edge = np.arange(len(owner)) - (np.cumsum(size) - size)[owner] + start[owner]
        weight = events.decayed(self.recency_half_life_events)[owner] * self.similarity[edge]
        row, item, total = sum_by_item(
            events.row[owner], self.neighbour[edge], weight, n_items=self.n_items
        )
        return best_first(row, item, total.astype(np.float32), n_rows=len(histories), k=k)

    def save(self, folder: Path) -> None:
        """Write the neighbours and parameters."""
        arrays: dict[str, NDArray[Any]] = {
            "ptr": self.ptr,
            "neighbour": self.neighbour,
            "similarity": self.similarity,
        }
        parameters = {
            "source": self.name,
            "query_events": self.query_events,
            "recency_half_life_events": self.recency_half_life_events,
        }
        save_index(folder, arrays, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            ptr=load_array(folder, "ptr"),
            neighbour=load_array(folder, "neighbour"),
            similarity=load_array(folder, "similarity"),
            query_events=parameters["query_events"],
            recency_half_life_events=parameters["recency_half_life_events"],
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
