"""Items that hardly anybody touched yet, near in category and price to what a visitor looks at."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.arrays import expand_rows
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.recency import EACH_ONE, recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

QUERIES_AT_ONCE = 512
ARRAYS = ("item_category", "log_price", "ptr", "item")
UNKNOWN_PRICE = 0.25
"""Nearness where one of two prices is not known: that of prices two half widths apart."""


@dataclass(frozen=True, eq=False, repr=False)
class ColdItemsSource:
    """Each category's newest cold items.

    `item_category` int32 and `log_price` float32 (n_items,): -1 and NaN where not known. Category
    c's cold items are ``[ptr[c], ptr[c + 1])`` of `item` int32, newest code first.
    """

    item_category: NDArray[np.int32]
    log_price: NDArray[np.float32]
    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    query_events: int
    recency_half_life_events: float
    price_half_width: float

    name: ClassVar[str] = "cold"

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.item_category)

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
        catalogue: Catalogue | None = None,
    ) -> Self:
        """Find the items with few events in each category. See `CandidateSource.fit`.

        Item codes follow first appearance, so the largest are the newest.
        """
        require_before_cut(log, cut_ms)
        settings, known = config.cold, catalogue or Catalogue.unknown(log.n_items)
        events = np.bincount(log.item, minlength=log.n_items)
        cold = np.flatnonzero((events <= settings.max_events) & (known.category >= 0))[::-1]
        order = np.argsort(known.category[cold], kind="stable")
        item = cold[order].astype(np.int32)
        count = np.bincount(known.category[item], minlength=known.n_categories)
        start = np.repeat(np.cumsum(count) - count, count)
        kept = np.arange(len(item)) - start < settings.items_per_category
        fewer = np.minimum(count, settings.items_per_category)
        return cls(
            item_category=known.category.astype(np.int32),
            log_price=known.log_price.astype(np.float32),
            ptr=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(fewer)]),
            item=item[kept],
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
            price_half_width=settings.price_half_width,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` cold items of the newest events' categories.

        An item scores the sum over the newest events in its category of
        ``2**(-age / half_life) * 2**(-|difference of log prices| / half_width)``.
        """
        return concatenate_proposals(
            [
                self._propose_chunk(
                    histories.slice(start, min(start + QUERIES_AT_ONCE, len(histories))), k
                )
                for start in range(0, len(histories), QUERIES_AT_ONCE)
            ]
        )

    def _propose_chunk(self, histories: Histories, k: int) -> Proposals:
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=EACH_ONE,
            limit=self.query_events,
        )
        category = self.item_category[events.item]
        asked = (category >= 0).nonzero()[0]
        seen = events.item[asked]
        owner, place, _ = expand_rows(self.ptr, category[asked])
        found = self.item[place]
        apart = np.abs(self.log_price[found] - self.log_price[seen[owner]]).astype(np.float64)
        near = np.where(np.isnan(apart), UNKNOWN_PRICE, np.exp2(-apart / self.price_half_width))
        decayed = events.decayed(self.recency_half_life_events)[asked]
        row, item, total = sum_by_item(
            events.row[asked][owner], found, decayed[owner] * near, n_items=max(self.n_items, 1)
        )
        return best_first(row, item, total.astype(np.float32), n_rows=len(histories), k=k)

    def save(self, folder: Path) -> None:
        """Write the lists and parameters."""
        parameters = {
            "source": self.name,
            "query_events": self.query_events,
            "recency_half_life_events": self.recency_half_life_events,
            "price_half_width": self.price_half_width,
        }
        save_index(folder, {name: getattr(self, name) for name in ARRAYS}, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            **{name: load_array(folder, name) for name in ARRAYS},
            query_events=parameters["query_events"],
            recency_half_life_events=parameters["recency_half_life_events"],
            price_half_width=parameters["price_half_width"],
        )
