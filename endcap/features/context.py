"""User side: how each candidate relates to what the visitor did.

The one definition: training calls it with a million rows, serving with one visitor's. A row's bits
depend on its own visitor and candidate alone, whatever else is in the batch: sums run in the order
of the visitor's events, and everything else is element by element.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.arrays import rows_of
from endcap.dataset.histories import Histories
from endcap.features.context_categories import write_categories
from endcap.features.context_decay import write_decay
from endcap.features.context_one_event import one_event_of, write_one_event
from endcap.features.context_past import past_of
from endcap.features.context_prices import write_prices
from endcap.features.context_rows import USER_FEATURES, Rows
from endcap.features.context_sequences import write_sequences
from endcap.features.context_sessions import write_sessions
from endcap.features.context_touches import write_touches
from endcap.features.context_visitor import write_visitor
from endcap.features.item_table import ItemTable

CHUNK_ROWS: Final = 1 << 16
"""Rows computed at a time (or one visitor's): what is in flight stays in the processor's cache."""

_FAMILIES: Final = (
    write_touches,
    write_visitor,
    write_sessions,
    write_prices,
    write_categories,
    write_sequences,
    write_decay,
)


def context_features(
    histories: Histories,
    cand_ptr: NDArray[np.int64],
    cand_item: NDArray[np.int32],
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the user-side features of each (visitor, candidate) row, float32 (m, features).

    Columns are the registry's features of side "user", in its order.

    Parameters
    ----------
    histories
        n visitors' events. An item that `items` does not know counts as unknown: it has no
        category, no price and no transitions, and is nobody's candidate.
    cand_ptr
        int64 (n + 1,): visitor q's candidates are ``[cand_ptr[q], cand_ptr[q + 1])``.
    cand_item
        int32 (m,): item codes in ``[0, items.n_items)``, in any order.
    items
        The item side as of a cut.
    config
        The half-lives of affinity are used.
    event_weights
        float32: weight by event type code. A type without a weight counts like the first one.
    """
    out = np.empty((len(cand_item), USER_FEATURES), dtype=np.float32)
    write_context(out, histories, cand_ptr, cand_item, items, config, event_weights)
    return out


def write_context(
    out: NDArray[np.float32],
    histories: Histories,
    cand_ptr: NDArray[np.int64],
    cand_item: NDArray[np.int32],
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> None:
    """Write what `context_features` returns into `out`, float32 (m, user-side features)."""
    for start, stop in _chunks(cand_ptr):
        low, high = int(cand_ptr[start]), int(cand_ptr[stop])
        if low == high:
            continue
        chunk = histories.slice(start, stop)
        if event := one_event_of(chunk, items, config, event_weights):
            write_one_event(out[low:high], event, cand_item[low:high].astype(np.int64), items)
            continue
        past = past_of(chunk, items, config, event_weights)
        rows = Rows.of(
            rows_of(cand_ptr[start : stop + 1]),
            cand_item[low:high].astype(np.int64),
            out[low:high],
            items,
        )
        for write in _FAMILIES:
            write(rows, past)


def _chunks(cand_ptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    start, n = 0, len(cand_ptr) - 1
    while start < n:
        full = np.searchsorted(cand_ptr, cand_ptr[start] + CHUNK_ROWS, side="right")
        stop = min(max(int(full) - 1, start + 1), n)
        yield start, stop
        start = stop
