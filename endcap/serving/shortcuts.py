"""What serving computes once of a model, kept with the model so that no start waits for it.

fill_order.npy, fill_place.npy           see `Shortcuts`
category_ptr.npy, category_item.npy      the shelves by category; ``root_`` by category tree
board_<days>_item.npy, ..._demand.npy    what was in demand, for each window
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import load_arrays, save_arrays
from endcap.features.item_table import ItemTable
from endcap.serving.shelves import Shelves
from endcap.serving.trending import WINDOWS_DAYS, Board, trending_board

_SHELVES = ("category", "root")
_NAMES = (
    "fill_order",
    "fill_place",
    *(f"{kind}_{part}" for kind in _SHELVES for part in ("ptr", "item")),
    *(f"board_{days}_{part}" for days in WINDOWS_DAYS for part in ("item", "demand")),
)


@dataclass(frozen=True, eq=False, repr=False)
class Shortcuts:
    """The catalogue in the orders that slates are filled in.

    `fill_order` int32 (n_items,): item codes, popular items first, the rest by code; `fill_place`
    int32 (n_items,): each item's place in it. `by_category`, `by_root`: shelves, popular items
    first. `boards`: what was in demand, by window in days.
    """

    fill_order: NDArray[np.int32]
    fill_place: NDArray[np.int32]
    by_category: Shelves
    by_root: Shelves
    boards: Mapping[int, Board]

    @classmethod
    def of(
        cls, items: ItemTable, popular: NDArray[np.int32], event_weights: NDArray[np.float32]
    ) -> Self:
        """Compute them. `popular`: item codes, the most popular first, not necessarily all."""
        rest = np.ones(items.n_items, dtype=bool)
        rest[popular] = False
        order = np.concatenate([popular, rest.nonzero()[0].astype(np.int32)])
        place = np.empty(items.n_items, dtype=np.int32)
        place[order] = np.arange(items.n_items, dtype=np.int32)
        n_categories = len(items.category_parent)
        return cls(
            fill_order=order,
            fill_place=place,
            by_category=Shelves.sort(items.category, order, n_categories=n_categories),
            by_root=Shelves.sort(items.root, order, n_categories=n_categories),
            boards={
                days: trending_board(items, event_weights, window_days=days)
                for days in WINDOWS_DAYS
            },
        )

    def save(self, folder: Path) -> None:
        """Write the arrays into `folder`, made if absent."""
        arrays: dict[str, NDArray[Any]] = {
            "fill_order": self.fill_order,
            "fill_place": self.fill_place,
        }
        for kind, shelves in zip(_SHELVES, (self.by_category, self.by_root), strict=True):
            arrays |= {f"{kind}_ptr": shelves.ptr, f"{kind}_item": shelves.item}
        for days, board in self.boards.items():
            arrays |= {f"board_{days}_item": board.item, f"board_{days}_demand": board.demand}
        save_arrays(folder, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote, mapped."""
        arrays = load_arrays(folder, _NAMES, memory_map=True)
        return cls(
            fill_order=arrays["fill_order"],
            fill_place=arrays["fill_place"],
            by_category=Shelves(arrays["category_ptr"], arrays["category_item"]),
            by_root=Shelves(arrays["root_ptr"], arrays["root_item"]),
            boards={
                days: Board(arrays[f"board_{days}_item"], arrays[f"board_{days}_demand"])
                for days in WINDOWS_DAYS
            },
        )
