"""Events cut into sessions, once: what item-side features of sessions and of sequences read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import stable_order

_NONE = np.int32(-1)


@dataclass(frozen=True)
class SessionCuts:
    """Where each of n events lies in its session, as parallel int32 arrays (n,); -1 for none.

    `session`: codes in order of the sessions' first events, -1 for a bot's event. `place`: events
    of the session before it. `following`: the row of the session's next event. `previous` and
    `before`: of an event that begins a visit, the items of the visits before it and before that,
    within the session; a visit is a run of events on one item. `count`: the number of sessions.

    All but `following` know nothing of what comes later.
    """

    session: NDArray[np.int32]
    place: NDArray[np.int32]
    following: NDArray[np.int32]
    previous: NDArray[np.int32]
    before: NDArray[np.int32]
    count: int


def cut_sessions(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    event_type: NDArray[np.int8],
    time_ms: NDArray[np.int64],
    is_bot: NDArray[np.bool_],
    *,
    timeout_minutes: float,
) -> SessionCuts:
    """Return the sessions of events (n,) in order of time.

    Two events of a visitor are of different sessions if more than the timeout lies between them.
    Events of one moment go by type, then item. Bots' events are in no session.
    """
    row, starts = _in_visitors_order(
        user, item, event_type, time_ms, is_bot, timeout_ms=int(timeout_minutes * 60_000)
    )
    n = len(row)
    previous, before = (_placed(of, row, len(user)) for of in _visits(item[row], starts))
    first = np.flatnonzero(starts).astype(np.int32)
    length = np.diff(np.append(first, n))
    code = _codes_by_row(row[first], len(user))
    following = np.full(n, _NONE)
    following[:-1] = np.where(starts[1:], _NONE, row[1:])
    return SessionCuts(
        session=_placed(np.repeat(code, length), row, len(user)),
        place=_placed(np.arange(n, dtype=np.int32) - np.repeat(first, length), row, len(user)),
        following=_placed(following, row, len(user)),
        previous=previous,
        before=before,
        count=len(first),
    )


def _in_visitors_order(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    event_type: NDArray[np.int8],
    time_ms: NDArray[np.int64],
    is_bot: NDArray[np.bool_],
    *,
    timeout_ms: int,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the rows of people's events, sorted by user, then time, type and item.

    And of each, whether it is the first of a session.
    """
    people = np.flatnonzero(~is_bot).astype(np.int32)
    row = people[stable_order(user[people])]
    who = user[row]
    elsewhere, gap_ms = who[1:] != who[:-1], np.diff(time_ms[row])
    same = ~elsewhere & (gap_ms == 0)
    # Few events share their visitor's moment: only these are sorted again, within their places.
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    among = row[tied]
    keys = (item[among], event_type[among], time_ms[among], user[among])
    row[tied] = among[np.lexsort(keys)]
    starts = np.ones(len(row), dtype=np.bool_)
    starts[1:] = elsewhere | (gap_ms > timeout_ms)
    return row, starts


def _codes_by_row(first_row: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Return the sessions' codes: codes of a log cut off earlier are a prefix of these."""
    is_first = np.zeros(n, dtype=np.bool_)
    is_first[first_row] = True
    rank = np.cumsum(is_first, dtype=np.int32)
    codes: NDArray[np.int32] = rank[first_row] - np.int32(1)
    return codes


def _visits(
    item: NDArray[np.int32], starts: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the items of the visits before a visit and before that one, where it begins."""
    begins = starts.copy()
    begins[1:] |= item[1:] != item[:-1]
    begin = np.flatnonzero(begins)
    last = np.where(starts[begin], _NONE, item[begin - 1])
    last_but_one = np.full(len(begin), _NONE)
    last_but_one[1:] = np.where(last[1:] < 0, _NONE, last[:-1])
    previous, before = np.full(len(item), _NONE), np.full(len(item), _NONE)
    previous[begin], before[begin] = last, last_but_one
    return previous, before


def _placed(values: NDArray[np.int32], row: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    placed = np.full(n, _NONE)
    placed[row] = values
    return placed
