"""Everything that serving needs of one bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from endcap.config_serving import ServedConfig
from endcap.dataset.histories import EventTypes, Histories
from endcap.features.item_table import ItemTable
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.source import CandidateSource, Proposals
from endcap.serving.shelves import Shelves
from endcap.serving.shortcuts import Shortcuts
from endcap.serving.trending import Board
from endcap.uncertainty.calibration import Calibration


@dataclass(frozen=True, eq=False, repr=False)
class ServingModel:
    """One model: candidate sources by name, item table, ranker, calibration.

    `item_ids`: the shop's own ids by item code; it may know the way back as its `codes`.
    `shortcuts`: None for a model that came without; they are computed then.
    """

    sources: Mapping[str, CandidateSource]
    items: ItemTable
    scorer: TreeScorer
    calibration: Calibration
    item_ids: Sequence[str]
    event_types: EventTypes
    config: ServedConfig
    shortcuts: Shortcuts | None = None

    @property
    def n_items(self) -> int:
        """Return the size of the catalogue."""
        return self.items.n_items

    @cached_property
    def event_weights(self) -> NDArray[np.float32]:
        """The weight of each event type by code."""
        return self.event_types.weight_array()

    @cached_property
    def item_codes(self) -> Mapping[str, int]:
        """The code of each item id."""
        codes: Mapping[str, int] | None = getattr(self.item_ids, "codes", None)
        if codes is not None:
            return codes
        return dict(zip(self.item_ids, range(len(self.item_ids)), strict=True))

    @cached_property
    def popular(self) -> Proposals:
        """The catalogue from the most popular item down, as one visitor's proposals."""
        empty = np.zeros(0, dtype=np.int64)
        nobody = Histories(
            ptr=np.zeros(2, dtype=np.int64),
            item=empty.astype(np.int32),
            event_type=empty.astype(np.int8),
            time_ms=empty,
            now_ms=np.zeros(1, dtype=np.int64),
        )
        if PopularitySource.name not in self.sources:
            return Proposals(nobody.ptr, nobody.item, empty.astype(np.float32))
        return self.sources[PopularitySource.name].propose(nobody, self.n_items)

    @property
    def fill_order(self) -> NDArray[np.int32]:
        """The whole catalogue, int32 (n_items,): popular items first, the rest by item code."""
        return self._known.fill_order

    @property
    def fill_place(self) -> NDArray[np.int32]:
        """Each item's place in the fill order, int32 (n_items,)."""
        return self._known.fill_place

    @cached_property
    def category_codes(self) -> dict[str, int]:
        """The code of each category id."""
        return {name: code for code, name in enumerate(self.items.category_ids)}

    @property
    def by_category(self) -> Shelves:
        """The catalogue by category, popular items first."""
        return self._known.by_category

    @property
    def by_root(self) -> Shelves:
        """The catalogue by category tree, popular items first."""
        return self._known.by_root

    def board(self, window_days: int) -> Board:
        """Return what was in demand in one of `trending.WINDOWS_DAYS`."""
        return self._known.boards[window_days]

    @cached_property
    def _known(self) -> Shortcuts:
        if self.shortcuts is not None:
            return self.shortcuts
        return Shortcuts.of(self.items, self.popular.item, self.event_weights)

    def warm_up(self) -> None:
        """Compute everything that is computed once, before the first visitor has to wait for it."""
        _ = self.item_codes, self.category_codes, self.event_weights, self.popular
        _ = self._known, self.items.category_paths, self.items.category_steps
