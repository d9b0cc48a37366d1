"""What is in demand lately, in the whole shop or in a category."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.features.item_table import ItemTable

WINDOWS_DAYS: Final = (1, 7, 30)
LATELY_DAYS: Final = 7
"""The window that fills slates."""

_COUNTS: Final = ("views", "carts", "purchases")


@dataclass(frozen=True, eq=False, repr=False)
class Board:
    """Items in demand within a window up to the model's cut, most wanted first.

    `item` int32 (m,), codes; `demand` float32 (m,): the events on the item in the window, each by
    the weight of its type, all above 0. Ties by item code.
    """

    item: NDArray[np.int32]
    demand: NDArray[np.float32]


def trending_board(
    items: ItemTable, event_weights: NDArray[np.float32], *, window_days: int
) -> Board:
    """Return the board of one of `WINDOWS_DAYS`.

    `event_weights`: float32 by event type code, of which the first three are view, cart, purchase.
    """
    columns = items.columns
    demand = np.zeros(items.n_items, dtype=np.float32)
    for name, weight in zip(_COUNTS, event_weights, strict=False):
        count = columns[f"{name}_{window_days}d"]
        demand += weight * np.where(np.isnan(count), np.float32(0), count)
    found = np.flatnonzero(demand > 0).astype(np.int32)
    wanted = found[np.argsort(-demand[found], kind="stable")]
    return Board(wanted, demand[wanted])
