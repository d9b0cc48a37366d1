"""The metrics once more, from their definitions, one query and one item at a time.

Written without looking at arrays: sets, loops and the formulae as printed in textbooks.
"""

import math
from collections.abc import Mapping, Sequence

from endcap.dataset.queries import Queries


def relevant(
    queries: Queries, query: int, *, next_only: bool, new_only: bool, least: float = 0
) -> dict[int, float]:
    """Return item -> gain of one query; labels of less than `least` do not count."""
    start, stop = int(queries.label_ptr[query]), int(queries.label_ptr[query + 1])
    seen = set(history(queries, query))
    found = {}
    for i in range(start, stop):
        item = int(queries.label_item[i])
        if new_only and item in seen:
            continue
        if queries.label_relevance[i] < least:
            continue
        if next_only and not queries.label_first[i]:
            continue
        found[item] = 1.0 if next_only else float(queries.label_relevance[i])
    return found


def history(queries: Queries, query: int) -> list[int]:
    """Return the items of one history."""
    ptr = queries.histories.ptr
    return [int(i) for i in queries.histories.item[ptr[query] : ptr[query + 1]]]


def shown(row: Sequence[int], *, without: set[int]) -> list[int]:
    """Return one list less its padding and some items."""
    return [item for item in row if item != -1 and item not in without]


def metrics(
    ranked: Sequence[int], gains: Mapping[int, float], k: int, *, n_items: int
) -> dict[str, float]:
    """Return all accuracy metrics of one query; NaN if nothing is relevant."""
    names = ("hit_rate", "recall", "mrr", "ndcg", "map")
    if not gains:
        return dict.fromkeys(names, math.nan)
    top = [item if item < n_items else None for item in ranked[:k]]
    hits = [rank for rank, item in enumerate(top, start=1) if item in gains]
    dcg = sum(
        gains[item] / math.log2(rank + 1)
        for rank, item in enumerate(top, start=1)
        if item is not None and item in gains
    )
    best = sorted(gains.values(), reverse=True)[:k]
    ideal = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, start=1))
    precisions = [sum(1 for hit in hits if hit <= rank) / rank for rank in hits]
    return {
        "hit_rate": 1.0 if hits else 0.0,
        "recall": len(hits) / len(gains),
        "mrr": 1.0 / hits[0] if hits else 0.0,
        "ndcg": dcg / ideal,
        "map": sum(precisions) / len(gains),
    }
