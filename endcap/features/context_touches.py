"""User side: what the visitor did with the candidate itself."""

import numpy as np
from numpy.typing import NDArray

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows
from endcap.features.item_entries import COUNTED_EVENTS


def write_touches(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_touches``."""
    histories, groups = past.histories, past.by_item
    event_type = histories.event_type[past.at]
    views, carts, purchases = (groups.sum(event_type == code) for _, code in COUNTED_EVENTS)
    count = groups.count()
    visitor = past.visitor[groups.last_event]
    first, last = past.at[groups.first_event], past.at[groups.last_event]
    open_start = past.open_start[visitor]
    carted, bought = (_last_of(past, event_type == code) for code in (1, 2))
    span = histories.time_ms[last] - histories.time_ms[first]
    rows.write_found(
        {
            "seen_views": (views, 0),
            "seen_carts": (carts, 0),
            "seen_purchases": (purchases, 0),
            "seen_events": (count, 0),
            "seen_sessions": (_sessions(past), 0),
            "session_touches": (groups.sum(past.at >= past.open_start[past.visitor]), 0),
            "in_cart": ((carted >= open_start) & (bought < carted), 0),
            "seconds_since_touch": (
                (histories.now_ms[visitor] - histories.time_ms[last]) / 1000,
                np.nan,
            ),
            "steps_since_touch": (histories.ptr[visitor + 1] - 1 - last, np.nan),
            "seconds_between_touches": (
                np.where(count > 1, span / 1000 / np.maximum(count - 1, 1), np.nan),
                np.nan,
            ),
        },
        rows.found_item(groups, past.items.n_items),
    )


def _sessions(past: Past) -> NDArray[np.int64]:
    """Return in how many sessions each item was touched, int64 (groups,)."""
    order = past.by_item.order
    session, group = past.session[past.at[order]], past.by_item.of_event[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (session[1:] != session[:-1]) | (group[1:] != group[:-1])
    return np.bincount(group[is_new], minlength=len(past.by_item))


def _last_of(past: Past, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the position of each item's last chosen event, -1 if there is none."""
    last = np.full(len(past.by_item), -1, dtype=np.int64)
    if not chosen.any():
        return last
    # Of several values for one place the last one stays: the newest event.
    last[past.by_item.of_event[chosen]] = past.at[chosen]
    return last
