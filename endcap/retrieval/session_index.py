"""Past sessions, and by item the newest sessions that hold it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import SessionKnnConfig

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False, repr=False)
class SessionIndex:
    """Sessions of two events or more, newest first.

    Session s shows ``item[ptr[s]:ptr[s + 1]]`` in order and weighs `weight` float32
    ``2**(-days / half_life) / sqrt(events)``. The sessions that hold item i are
    ``item_session[item_ptr[i]:item_ptr[i + 1]]``, newest first, no more than `sessions_per_item`.
    `rarity` float32 by item: the logarithm of all sessions over those that hold it.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    item_ptr: NDArray[np.int64]
    item_session: NDArray[np.int32]
    rarity: NDArray[np.float32]

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.item_ptr) - 1

    @property
    def n_sessions(self) -> int:
        """How many sessions are kept."""
        return len(self.weight)

    @cached_property
    def longest(self) -> int:
        """How many events the longest session has."""
        return int(np.diff(self.ptr).max(initial=0))

    @classmethod
    def of(cls, log: "InteractionLog", *, cut_ms: int, config: SessionKnnConfig) -> Self:
        """Cut the log into sessions, newest `session_events` of each, and index them.

        A visitor's session ends when nothing happens for longer than `session_gap_hours`.
        """
        start, size = _sessions(log, config)
        last_ms = log.time_ms[start + size - 1]
        newest_first = np.lexsort((start, -last_ms))
        start, size, last_ms = start[newest_first], size[newest_first], last_ms[newest_first]
        ptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(size)])
        session = np.repeat(np.arange(len(size)), size)
        item = log.item[np.arange(ptr[-1]) - ptr[session] + start[session]]
        days = (cut_ms - last_ms) / DAY_MS
        weight = np.exp2(-days / config.half_life_days) / np.sqrt(size)
        owner, held = np.divmod(
            np.unique(item.astype(np.int64) * max(len(size), 1) + session), max(len(size), 1)
        )
        count = np.bincount(owner, minlength=log.n_items)
        kept = np.arange(len(owner)) - (np.cumsum(count) - count)[owner] < config.sessions_per_item
        fewer = np.minimum(count, config.sessions_per_item)
        rarity = np.log(max(len(size), 1) / np.maximum(count, 1))
        return cls(
            ptr=ptr,
            item=item.astype(np.int32),
            weight=weight.astype(np.float32),
            item_ptr=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(fewer)]),
            item_session=held[kept].astype(np.int32),
            rarity=rarity.astype(np.float32),
        )


def _sessions(
    log: "InteractionLog", config: SessionKnnConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each session of two events or more, its first event kept and how many are."""
    starts = np.ones(len(log), dtype=bool)
    gap_ms = log.time_ms[1:] - log.time_ms[:-1]
    starts[1:] = (log.user[1:] != log.user[:-1]) | (gap_ms > config.session_gap_hours * HOUR_MS)
    start = np.flatnonzero(starts)
    size = np.diff(start, append=len(log))
    start, size = start[size > 1], size[size > 1]
    kept = np.minimum(size, config.session_events)
    return start + size - kept, kept
