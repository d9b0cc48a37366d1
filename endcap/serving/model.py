"""Everything that serving needs of one bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from endcap.config import RunConfig
from endcap.dataset.histories import EventTypes, Histories
from endcap.features.item_table import ItemTable
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.source import CandidateSource, Proposals
from endcap.uncertainty.calibration import Calibration


@dataclass(frozen=True)
class ServingModel:
    """One model: candidate sources by name, item table, ranker, calibration.

    `item_ids`: the shop's own ids by item code.
    """

    sources: Mapping[str, CandidateSource]
    items: ItemTable
    scorer: TreeScorer
    calibration: Calibration
    item_ids: tuple[str, ...]
    event_types: EventTypes
    config: RunConfig

    @property
    def n_items(self) -> int:
        """Return the size of the catalogue."""
        return self.items.n_items

    @cached_property
    def event_weights(self) -> NDArray[np.float32]:
        """The weight of each event type by code."""
        return self.event_types.weight_array()

    @cached_property
    def item_codes(self) -> dict[str, int]:
        """The code of each item id."""
        return {item_id: code for code, item_id in enumerate(self.item_ids)}

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

    @cached_property
    def fill_order(self) -> NDArray[np.int32]:
        """The whole catalogue, int32 (n_items,): popular items first, the rest by item code."""
        rest = np.ones(self.n_items, dtype=bool)
        rest[self.popular.item] = False
        return np.concatenate([self.popular.item, np.flatnonzero(rest).astype(np.int32)])
