"""An item table made by hand, and histories for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.features.item_table import ItemTable
from endcap.features.registry import names


def item_table(
    *,
    price: Sequence[float],
    category: Sequence[int],
    parent: Sequence[int] = (),
    transitions: Mapping[tuple[int, int], tuple[float, float]] | None = None,
    pair_transitions: Mapping[tuple[int, int, int], tuple[float, float]] | None = None,
    category_transitions: Mapping[tuple[int, int], tuple[float, float]] | None = None,
    session_timeout_ms: int = 1_800_000,
) -> ItemTable:
    """Return a table of len(price) items; categories are children of their `parent` at most.

    Transitions are given as (from, to) or (before, from, to) -> (probability, support).
    """
    n = len(price)
    above = np.asarray(parent, dtype=np.int32)
    categories = np.asarray(category, dtype=np.int32)
    root = [c if c < 0 or above[c] < 0 else above[c] for c in category]
    after_pair = pair_transitions or {}
    pairs = sorted({(a, b) for a, b, _ in after_pair})
    of_pair = {(pairs.index((a, b)), c): value for (a, b, c), value in after_pair.items()}
    prices = np.asarray(price, dtype=np.float32)
    feature_count = len(names("item"))
    return ItemTable(
        features=np.arange(n * feature_count, dtype=np.float32).reshape(n, feature_count),
        price=prices,
        log_price=np.log(prices),
        available=np.ones(n, dtype=np.float32),
        category=categories,
        root=np.asarray(root, dtype=np.int32),
        category_ids=tuple(str(code) for code in range(len(above))),
        category_parent=above,
        category_depth=np.minimum(above + 1, 1).astype(np.int32),
        pair_key=np.array([a * n + b for a, b in pairs], dtype=np.int64),
        pair_transition_ptr=_ptr(of_pair, len(pairs)),
        session_timeout_ms=np.array([session_timeout_ms], dtype=np.int64),
        transition_ptr=_ptr(transitions or {}, n),
        category_transition_ptr=_ptr(category_transitions or {}, len(above)),
        **_edges("transition", transitions or {}, n),
        **_edges("pair_transition", of_pair, n),
        **_edges("category_transition", category_transitions or {}, len(above)),
    )


Edges = Mapping[tuple[int, int], tuple[float, float]]


def _ptr(edges: Edges, rows: int) -> NDArray[np.int64]:
    return np.searchsorted(sorted(row for row, _ in edges), np.arange(rows + 1)).astype(np.int64)


def _edges(name: str, edges: Edges, width: int) -> dict[str, NDArray[Any]]:
    ordered = sorted(edges.items())
    return {
        f"{name}_key": np.array([a * width + b for (a, b), _ in ordered], dtype=np.int64),
        f"{name}_probability": np.array([p for _, (p, _) in ordered], dtype=np.float32),
        f"{name}_support": np.array([s for _, (_, s) in ordered], dtype=np.float32),
    }


def histories(
    visitors: Sequence[Sequence[tuple[int, int, int]]], now_ms: Sequence[int]
) -> Histories:
    """Return histories of (time_ms, item, event type) events."""
    events = [event for visitor in visitors for event in visitor]
    ends = np.cumsum([0, *(len(visitor) for visitor in visitors)])
    return Histories(
        ptr=ends.astype(np.int64),
        item=np.array([item for _, item, _ in events], dtype=np.int32),
        event_type=np.array([kind for _, _, kind in events], dtype=np.int8),
        time_ms=np.array([at for at, _, _ in events], dtype=np.int64),
        now_ms=np.asarray(now_ms, dtype=np.int64),
    )
