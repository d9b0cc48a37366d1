"""User side: how much the visitor is drawn to the candidate and its category, halving with time."""

import numpy as np
from numpy.typing import NDArray

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows
from endcap.features.decayed_scores import sum_by_kind, total


def write_decay(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_decay``, but for the affinity to its root."""
    items = past.by_item
    of_item = sum_by_kind(items, past.kind, past.grown)
    of_item *= past.fading[past.visitor[items.last_event]]
    rows.write_found(
        _columns("affinity_item", of_item, 0),
        rows.found_item(items, past.items.n_items),
    )
    events, categories = past.categorised, past.by_category
    of_category = sum_by_kind(categories, past.kind[events], past.grown[events])
    of_category *= past.fading[past.visitor[events[categories.last_event]]]
    found = rows.found_category(categories, len(past.items.category_parent))
    # A row more for pairs without a category.
    table = np.concatenate([of_category, np.zeros((1, 3)), np.full((1, 3), np.nan)])
    of_pair = table[np.where(rows.pair_category < 0, len(table) - 1, found)]
    rows.write_by_pair(
        {name: column for name, (column, _) in _columns("affinity_category", of_pair, 0).items()}
    )


def _columns(
    name: str, by_kind: NDArray[np.float64], nothing: float
) -> dict[str, tuple[NDArray[np.float64], float]]:
    views, carts, purchases = by_kind.T
    return {
        name: (total(by_kind), nothing),
        f"{name}_views": (views, nothing),
        f"{name}_carts": (carts, nothing),
        f"{name}_purchases": (purchases, nothing),
    }
