"""Visitors that click faster than people: flagged by what they did so far, not by what follows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config import CleaningConfig
from endcap.dataset.arrays import places_in_runs

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000


def flag_bots(
    user: NDArray[np.int32], time_ms: NDArray[np.int64], config: CleaningConfig
) -> NDArray[np.bool_]:
    """Return which events are a bot's. `user` and `time_ms`: (n,), in the order of the log.

    An event is a bot's if, up to and including it, its visitor had more than
    `bot_max_events_per_day` events on some UTC day or more than `bot_max_events_per_minute` in
    some UTC minute. From that moment on all of the visitor's events are flagged; what came before
    stays unflagged, since at its time nobody could know.
    """
    is_bot = np.zeros(len(user), dtype=np.bool_)
    per_day, per_minute = config.bot_max_events_per_day, config.bot_max_events_per_minute
    busy = np.bincount(user) > min(per_day, per_minute)
    row = np.flatnonzero(busy[user])
    if not len(row):
        return is_bot
    row = row[np.argsort(user[row], kind="stable")]
    who, when = user[row], time_ms[row]
    too_many = (places_in_runs(who, when // _DAY_MS) >= per_day) | (
        places_in_runs(who, when // _MINUTE_MS) >= per_minute
    )
    place = np.arange(len(row))
    last = np.maximum.accumulate(np.where(too_many, place, -1))
    is_bot[row] = last >= place - places_in_runs(who)
    return is_bot
