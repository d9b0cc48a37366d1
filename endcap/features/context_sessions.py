"""User side: the session that is open now, and the visitor's sessions before it.

A session ends when nothing happens for longer than the session timeout; the last one is open until
that much time has passed. Sessions are told apart in the bounded history that features are computed
from: what happened before it does not count.
"""

import numpy as np
from numpy.typing import NDArray

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows


def write_sessions(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_sessions``."""
    histories, start, end = past.histories, past.open_start, past.histories.ptr[1:]
    time_ms, event_type = histories.time_ms, histories.event_type
    whose = histories.rows()
    position = np.arange(len(whose))
    in_session = position >= start[whose]
    inside = np.flatnonzero(in_session)
    events = end - start
    is_open = events > 0
    first_ms, last_ms = histories.now_ms.copy(), histories.now_ms.copy()
    first_ms[is_open] = time_ms[start[is_open]]
    last_ms[is_open] = time_ms[end[is_open] - 1]
    moves = inside[position[inside] > past.session[inside]]
    moves = moves[histories.item[moves] != histories.item[moves - 1]]
    items = past.by_item.last_event
    categories = past.categorised[past.by_category.last_event]
    rows.write_by_visitor(
        {
            "history_sessions": past.per_visitor(whose[past.session == position]),
            "session_events": events,
            "session_seconds": (histories.now_ms - first_ms) / 1000,
            "session_duration_seconds": (last_ms - first_ms) / 1000,
            "session_depth": past.per_visitor(whose[moves]),
            "session_items": _in_session(past, items),
            "session_categories": _in_session(past, categories),
            "session_bounce": np.where(is_open, events == 1, np.nan),
            "session_carts": past.per_visitor(whose[in_session & (event_type == 1)]),
            "session_purchases": past.per_visitor(whose[in_session & (event_type == 2)]),
            "seconds_away": _seconds_away(past, first_ms),
        }
    )


def _in_session(past: Past, last: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of these last events lie in the visitor's open session, int64 (n,)."""
    visitor = past.visitor[last]
    return past.per_visitor(visitor[past.at[last] >= past.open_start[visitor]])


def _seconds_away(past: Past, until_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the time from the last event outside the open session to `until_ms`, else NaN."""
    histories = past.histories
    away = np.full(len(histories), np.nan)
    earlier = np.flatnonzero(past.open_start > histories.ptr[:-1])
    closed_ms = histories.time_ms[past.open_start[earlier] - 1]
    away[earlier] = (until_ms[earlier] - closed_ms) / 1000
    return away
