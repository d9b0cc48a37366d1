"""Visitors that click faster than people: flagged by what they did so far, not by what follows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config import CleaningConfig
from endcap.dataset.arrays import places_in_runs
from endcap.dataset.histories import PURCHASE_CODE

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000


def flag_bots(
    user: NDArray[np.int32],
    event_type: NDArray[np.int8],
    time_ms: NDArray[np.int64],
    config: CleaningConfig,
) -> NDArray[np.bool_]:
    """Return which events are a bot's. All arrays (n,), in the order of the log.

    An event is a bot's if, up to and including it, its visitor had more than
    `bot_max_events_per_day` events on some UTC day or more than `bot_max_events_per_minute` in
    some UTC minute. Transactions do not count: the lines of one order share a moment, and bots do
    not pay. From that moment on all of the visitor's events are flagged, transactions too; what
    came before stays unflagged, since at its time nobody could know.
    """
    is_bot = np.zeros(len(user), dtype=np.bool_)
    per_day, per_minute = config.bot_max_events_per_day, config.bot_max_events_per_minute
    counts = event_type != PURCHASE_CODE
    clicks = np.bincount(user[counts], minlength=int(user.max(initial=-1)) + 1)
    row = np.flatnonzero((clicks > min(per_day, per_minute))[user])
    if not len(row):
        return is_bot
    row = row[np.argsort(user[row], kind="stable")]
    who, when = user[row], time_ms[row]
    counted = np.flatnonzero(counts[row])
    clicker, click = who[counted], when[counted]
    too_many = counted[
        (places_in_runs(clicker, click // _DAY_MS) >= per_day)
        | (places_in_runs(clicker, click // _MINUTE_MS) >= per_minute)
    ]
    place = np.arange(len(row))
    last = np.full(len(row), -1)
    last[too_many] = too_many
    is_bot[row] = np.maximum.accumulate(last) >= place - places_in_runs(who)
    return is_bot
