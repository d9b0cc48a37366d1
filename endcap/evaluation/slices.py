"""Kinds of visitors that a scoreboard looks at apart."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories

ALL: Final = "all"
SLICES: Final[tuple[tuple[str, str], ...]] = (
    (ALL, "every query"),
    ("no_event", "nothing known of the visitor"),
    ("one_event", "one event known"),
    ("short", "2 to 4 events known"),
    ("warm", "5 or more events known"),
    ("first_session", "no earlier session known"),
    ("returning", "an earlier session known"),
)


def slice_masks(
    histories: Histories, *, session_timeout_minutes: float
) -> dict[str, NDArray[np.bool_]]:
    """Return which queries belong to each slice, bool (n,) by the names of `SLICES`.

    A visitor is returning if somewhere in the known history, or between its last event and now,
    more time passed than the session timeout.
    """
    lengths = histories.lengths()
    returning = _has_earlier_session(histories, session_timeout_minutes * 60_000)
    return {
        ALL: np.ones(len(histories), dtype=np.bool_),
        "no_event": lengths == 0,
        "one_event": lengths == 1,
        "short": (lengths >= 2) & (lengths <= 4),
        "warm": lengths >= 5,
        "first_session": ~returning,
        "returning": returning,
    }


def _has_earlier_session(histories: Histories, timeout_ms: float) -> NDArray[np.bool_]:
    """Return whether any gap of each history, the one until now included, is past the timeout."""
    n = len(histories)
    row = histories.rows()
    following = np.append(histories.time_ms[1:], 0)
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]
    following = np.where(is_last, histories.now_ms[row], following[: len(row)])
    long_gap = following - histories.time_ms > timeout_ms
    return np.bincount(row[long_gap], minlength=n) > 0
