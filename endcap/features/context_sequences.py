"""User side: how likely the candidate follows the visitor's last items."""

import numpy as np

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows, look_up, look_up_of
from endcap.features.user_entries import RECENT_ITEMS


def write_sequences(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_sequences``."""
    items = past.items
    recent = past.recent[rows.visitor]
    n_back = int((past.recent >= 0).any(axis=0).sum())
    probability = np.zeros((RECENT_ITEMS, len(rows.item)))
    support = np.zeros(len(rows.item))
    for back in range(n_back):
        # An item of -1 makes a negative key, which is nobody's.
        key = recent[:, back] * items.n_items + rows.item
        hit, place = look_up_of(
            past.recent[:, back], items.transition_ptr, items.transition_key, key
        )
        probability[back, hit] = items.transition_probability[place]
        support[hit] += items.transition_support[place]
    weighted = probability[0].copy()
    for back in range(1, RECENT_ITEMS):
        weighted += probability[back] * 0.5**back
    columns = {
        "transition_last": probability[0],
        "transition_max": probability.max(axis=0),
        "transition_weighted": weighted,
        "transition_support": support,
    }
    nothing_known = recent[:, 0] < 0
    for column in columns.values():
        column[nothing_known] = np.nan
    rows.write(columns)
    _write_pairs(rows, past)


def _write_pairs(rows: Rows, past: Past) -> None:
    """Write what follows the last two items of a session, in their order."""
    items = past.items
    last, before = past.recent_at[:, 0], past.recent_at[:, 1]
    together = before >= 0
    together[together] = past.session[before[together]] == past.session[last[together]]
    if not together.any():
        nothing = np.full(len(rows.item), np.nan)
        rows.write({"pair_transition": nothing, "pair_transition_support": nothing})
        return
    seen, place = look_up(items.pair_key, past.recent[:, 1] * items.n_items + past.recent[:, 0])
    pair = np.full(len(past.histories), -1, dtype=np.int64)
    pair[seen] = place
    of_row = pair[rows.visitor]
    key = np.where(of_row < 0, -1, of_row * items.n_items + rows.item)
    hit, place = look_up_of(pair, items.pair_transition_ptr, items.pair_transition_key, key)
    probability, support = np.zeros((2, len(rows.item)))
    probability[hit] = items.pair_transition_probability[place]
    support[hit] = items.pair_transition_support[place]
    alone = ~together[rows.visitor]
    probability[alone] = np.nan
    support[alone] = np.nan
    rows.write({"pair_transition": probability, "pair_transition_support": support})
