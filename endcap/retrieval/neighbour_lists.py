"""Item-to-item sources: each item's best neighbours, and how a history asks them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import expand_rows
from endcap.dataset.histories import Histories
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.recency import EACH_ONE, recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.source import Proposals, concatenate_proposals

QUERIES_AT_ONCE = 1024


@dataclass(frozen=True, eq=False, repr=False)
class NeighbourLists:
    """Each item's best neighbours, in compressed sparse row form.

    Item i's neighbours are ``[ptr[i], ptr[i + 1])`` of `neighbour` int32 and `similarity` float32,
    best first. The newest `query_events` of a history ask.
    """

    ptr: NDArray[np.int64]
    neighbour: NDArray[np.int32]
    similarity: NDArray[np.float32]
    query_events: int
    recency_half_life_events: float

    name: ClassVar[str]

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.ptr) - 1

    @classmethod
    def of_pairs(
        cls,
        row: NDArray[np.int64],
        item: NDArray[np.int32],
        similarity: NDArray[np.float64],
        *,
        n_items: int,
        neighbours: int,
        query_events: int,
        recency_half_life_events: float,
    ) -> Self:
        """Keep each item's `neighbours` most similar ones of distinct pairs, sorted by `row`."""
        best = best_first(row, item, similarity.astype(np.float32), n_rows=n_items, k=neighbours)
        return cls(
            ptr=best.ptr,
            neighbour=best.item,
            similarity=best.score,
            query_events=query_events,
            recency_half_life_events=recency_half_life_events,
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
            event_weights=EACH_ONE,
            limit=self.query_events,
        )
        if len(histories) == 1 and len(events.item) == 1:
            return self._nearest_to(int(events.item[0]), k)
        owner, edge, _ = expand_rows(self.ptr, events.item)
        weight = events.decayed(self.recency_half_life_events)[owner] * self.similarity[edge]
        row, item, total = sum_by_item(
            events.row[owner], self.neighbour[edge], weight, n_items=self.n_items
        )
        return best_first(row, item, total.astype(np.float32), n_rows=len(histories), k=k)

    def _nearest_to(self, item: int, k: int) -> Proposals:
        """Return what one event on one item asks for, as most visitors do: the item's own list."""
        start = int(self.ptr[item])
        stop = min(int(self.ptr[item + 1]), start + k)
        return Proposals(
            ptr=np.asarray([0, stop - start], dtype=np.int64),
            item=self.neighbour[start:stop],
            score=self.similarity[start:stop],
        )

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
