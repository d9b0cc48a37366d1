"""User side: the visitor as such, the same for all candidates; and the clock."""

import numpy as np

from endcap.dataset.splits import DAY_MS, HOUR_MS
from endcap.features.context_past import Past
from endcap.features.context_rows import Rows


def write_visitor(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_visitor``."""
    histories, now = past.histories, past.histories.now_ms
    whose, n = histories.rows(), len(histories)
    active = np.flatnonzero(histories.lengths())
    last = histories.ptr[active + 1] - 1
    idle, kind = np.full(n, np.nan), np.full(n, np.nan)
    idle[active] = (now[active] - histories.time_ms[last]) / 1000
    kind[active] = np.where(histories.event_type[last] >= 0, histories.event_type[last], np.nan)
    known = past.per_visitor(past.visitor)
    distinct = past.per_visitor(past.visitor[past.by_item.last_event])
    categories = past.visitor[past.categorised[past.by_category.last_event]]
    rows.write_by_visitor(
        {
            "history_length": histories.lengths(),
            "history_items": distinct,
            "history_categories": past.per_visitor(categories),
            "history_carts": past.per_visitor(whose[histories.event_type == 1]),
            "history_purchases": past.per_visitor(whose[histories.event_type == 2]),
            "repeat_share": np.where(known > 0, 1 - distinct / np.maximum(known, 1), np.nan),
            "hour_of_day": now // HOUR_MS % 24,
            # 1970-01-01 was a Thursday.
            "day_of_week": (now // DAY_MS + 3) % 7,
            "seconds_since_last_event": idle,
            "last_event_type": kind,
        }
    )
