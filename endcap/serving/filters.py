"""What items must be like to be shown: in stock, in a category, within a price range."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.features.item_table import ItemTable


@dataclass(frozen=True)
class ItemFilter:
    """What a shown item must be like.

    `in_stock`: not known to be out of stock. `categories`: codes, each with all below it; an item
    without a category is in none, and an empty set forbids nothing. `lowest_price` and
    `highest_price`, both included: an item whose price is not known lies in no range.
    """

    in_stock: bool = False
    categories: frozenset[int] = frozenset()
    lowest_price: float | None = None
    highest_price: float | None = None

    def allows(self, item: NDArray[np.int32], items: ItemTable) -> NDArray[np.bool_]:
        """Return whether each item, an item code of `items`, may be shown: bool (m,)."""
        allowed = np.ones(len(item), dtype=bool)
        if self.in_stock:
            allowed &= items.available[item] != 0
        if self.categories:
            allowed &= self._within(items)[items.category[item]]
        if self.lowest_price is not None:
            allowed &= items.price[item] >= np.float32(self.lowest_price)
        if self.highest_price is not None:
            allowed &= items.price[item] <= np.float32(self.highest_price)
        return allowed

    def _within(self, items: ItemTable) -> NDArray[np.bool_]:
        """Return whether each category is asked for; the last place is that of no category."""
        asked = np.isin(items.category_paths[:, 1:], list(self.categories))
        return np.asarray(asked.any(axis=1), dtype=np.bool_)
