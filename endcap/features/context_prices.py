"""User side: the price level of what the visitor looked at, and the candidate's distance to it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows
from endcap.features.registry import names

PRICE_RANK: Final = names("item").index("price_rank_in_category")


def write_prices(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_prices``."""
    items, n, visitor = past.items, len(past.histories), past.visitor
    looked_at = items.log_price[past.item].astype(np.float64)
    rank_seen = items.features[past.item, PRICE_RANK].astype(np.float64)
    level = _means(looked_at, visitor, n)
    rank_level = _means(rank_seen, visitor, n)
    spread = np.sqrt(_means((looked_at - level[visitor]) ** 2, visitor, n))
    last_item = past.recent[:, 0]
    last = np.full(n, np.nan)
    last[last_item >= 0] = items.log_price[last_item[last_item >= 0]]
    in_category = np.full(len(past.by_category) + 1, np.nan)
    in_category[:-1] = _means(
        looked_at[past.categorised], past.by_category.of_event, len(past.by_category)
    )
    found = rows.found_category(past.by_category, len(items.category_parent))
    log_price = items.log_price[rows.item].astype(np.float64)
    rows.write(
        {
            "log_price_vs_last": log_price - last[rows.visitor],
            "log_price_vs_mean": log_price - level[rows.visitor],
            "log_price_vs_category": log_price - in_category[found][rows.pair],
            "price_rank_vs_mean": items.features[rows.item, PRICE_RANK] - rank_level[rows.visitor],
        }
    )
    rows.write_by_visitor(
        {
            "history_log_price": level,
            "history_price_spread": spread,
            "history_price_rank": rank_level,
        }
    )


def _means(values: NDArray[np.float64], group: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return the mean of each group's values that are not NaN, float64 (n,); NaN if it has none."""
    there = np.flatnonzero(~np.isnan(values))
    count = np.bincount(group[there], minlength=n)
    total = np.bincount(group[there], weights=values[there], minlength=n)
    means: NDArray[np.float64] = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return means
