"""The best items of the categories a visitor looks at, backed off up the tree."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.arrays import expand_rows
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.popularity import decayed_popularity
from endcap.retrieval.recency import EACH_ONE, RecentEvents, recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

QUERIES_AT_ONCE = 512
ARRAYS = ("item_category", "category_parent", "ptr", "item", "share")


@dataclass(frozen=True, eq=False, repr=False)
class CategorySource:
    """Each category's most popular items, those of the categories below it included.

    `item_category` int32 (n_items,), -1 where not known. Category c's items are
    ``[ptr[c], ptr[c + 1])`` of `item` int32 and `share` float32, its share of the category's
    decayed popularity, best first.
    """

    item_category: NDArray[np.int32]
    category_parent: NDArray[np.int32]
    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    share: NDArray[np.float32]
    query_events: int
    recency_half_life_events: float
    parent_weight: float
    levels: int

    name: ClassVar[str] = "category"

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
        event_weights: NDArray[np.float32],
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,  # noqa: ARG003
        catalogue: Catalogue | None = None,
    ) -> Self:
        """Sum popularity up the tree and keep each category's best. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        settings, known = config.category, catalogue or Catalogue.unknown(log.n_items)
        popularity = decayed_popularity(
            log, event_weights, cut_ms=cut_ms, half_life_days=settings.half_life_days
        )
        touched = np.flatnonzero((known.category >= 0) & (popularity > 0)).astype(np.int32)
        pairs = [(level[known.category[touched]], touched) for level in known.levels()]
        category = np.concatenate([np.zeros(0, np.int32), *(pair[0] for pair in pairs)])
        item = np.concatenate([np.zeros(0, np.int32), *(pair[1] for pair in pairs)])
        category, item = category[category >= 0].astype(np.int64), item[category >= 0]
        order = np.argsort(category, kind="stable")
        category, item = category[order], item[order]
        total = np.bincount(category, weights=popularity[item], minlength=known.n_categories)
        share = (popularity[item] / total[category]).astype(np.float32)
        best = best_first(category, item, share, n_rows=known.n_categories, k=settings.items)
        return cls(
            item_category=known.category.astype(np.int32),
            category_parent=known.category_parent.astype(np.int32),
            ptr=best.ptr,
            item=best.item,
            share=best.score,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
            parent_weight=settings.parent_weight,
            levels=settings.levels,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` popular items of the newest events' categories and those above.

        An item scores the sum over events and levels, l levels up from the event's category, of
        ``2**(-age / half_life) * parent_weight**l * share``.
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
        if len(histories) == 1 == len(events.item):
            # Most visitors: what they get depends on the one category alone.
            asked = int(self.item_category[events.item[0]]), k
            found = self._of_one.get(asked)
            if found is None:
                found = self._of_one[asked] = _lasting(self._best_of(events, 1, k))
            return found
        return self._best_of(events, len(histories), k)

    @cached_property
    def _of_one(self) -> dict[tuple[int, int], Proposals]:
        """What visitors of one event got, by category and how many were asked for."""
        return {}

    def _best_of(self, events: RecentEvents, n_rows: int, k: int) -> Proposals:
        row, category, weight = self._asked(events)
        owner, place, _ = expand_rows(self.ptr, category)
        scored = weight[owner] * self.share[place]
        of_row, item, total = sum_by_item(
            row[owner], self.item[place], scored, n_items=max(self.n_items, 1)
        )
        return best_first(of_row, item, total.astype(np.float32), n_rows=n_rows, k=k)

    def _asked(
        self, events: RecentEvents
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """Return the visitor, category and weight of what is asked for, in order.

        No pair comes twice.
        """
        row, weight = events.row, events.decayed(self.recency_half_life_events)
        level, parts = self.item_category[events.item], []
        for _ in range(self.levels):
            kept = level >= 0
            row, level, weight = row[kept], level[kept], weight[kept]
            parts.append((row, level, weight))
            level, weight = self.category_parent[level], weight * self.parent_weight
        row, level, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(row, kind="stable")
        width = max(len(self.category_parent), 1)
        return sum_by_item(row[order], level[order], weight[order], n_items=width)

    def save(self, folder: Path) -> None:
        """Write the lists and parameters."""
        parameters = {
            "source": self.name,
            "query_events": self.query_events,
            "recency_half_life_events": self.recency_half_life_events,
            "parent_weight": self.parent_weight,
            "levels": self.levels,
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
            parent_weight=parameters["parent_weight"],
            levels=parameters["levels"],
        )


def _lasting(proposals: Proposals) -> Proposals:
    """Return proposals that nobody can change, since many will be given them."""
    for array in (proposals.ptr, proposals.item, proposals.score):
        array.flags.writeable = False
    return proposals
