"""Queries: moments in a label window, with what was known then and what came next."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import concatenate_ptr, load_arrays, save_arrays
from endcap.dataset.histories import EventTypes, Histories
from endcap.dataset.log import InteractionLog
from endcap.dataset.splits import Fold

HISTORY_ARRAYS = ("ptr", "item", "event_type", "time_ms", "now_ms")
QUERY_ARRAYS = ("user", "time_ms", "label_ptr", "label_item", "label_relevance", "label_first")
MAX_LABEL_EVENTS = 100
MAX_QUERIES_PER_USER = 20


@dataclass(frozen=True)
class Queries:
    """n moments, oldest first.

    `histories`: the newest events before each moment. `user` int32 (n,). `time_ms` int64 (n,): when
    the next event happened. Query q's labels are ``[label_ptr[q], label_ptr[q + 1])`` of
    `label_item` int32 (l,), `label_relevance` float32 (l,) and `label_first` bool (l,): the items
    interacted with from the moment to the horizon, each once, with the weight of its strongest
    event, and whether it came next: as the very next event's item, or at the same time as that, as
    the lines of an order do. A label's item may be unknown at the cut; in `histories` such an item
    has code -1.
    """

    histories: Histories
    user: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    label_ptr: NDArray[np.int64]
    label_item: NDArray[np.int32]
    label_relevance: NDArray[np.float32]
    label_first: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.user)

    def slice(self, start: int, stop: int) -> "Queries":
        """Return queries ``[start, stop)``."""
        low, high = int(self.label_ptr[start]), int(self.label_ptr[stop])
        return Queries(
            histories=self.histories.slice(start, stop),
            user=self.user[start:stop],
            time_ms=self.time_ms[start:stop],
            label_ptr=self.label_ptr[start : stop + 1] - low,
            label_item=self.label_item[low:high],
            label_relevance=self.label_relevance[low:high],
            label_first=self.label_first[low:high],
        )

    def save(self, folder: Path) -> None:
        """Write all arrays below `folder`."""
        histories = {name: getattr(self.histories, name) for name in HISTORY_ARRAYS}
        save_arrays(folder / "histories", histories)
        save_arrays(folder, {name: getattr(self, name) for name in QUERY_ARRAYS})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        histories = Histories(**load_arrays(folder / "histories", HISTORY_ARRAYS))
        return cls(histories=histories, **load_arrays(folder, QUERY_ARRAYS))

    @classmethod
    def concat(cls, parts: Sequence["Queries"]) -> "Queries":
        """Return the queries of several parts one after another. There must be one at least."""
        histories = [part.histories for part in parts]
        return cls(
            histories=Histories(
                ptr=concatenate_ptr([part.ptr for part in histories]),
                item=np.concatenate([part.item for part in histories]),
                event_type=np.concatenate([part.event_type for part in histories]),
                time_ms=np.concatenate([part.time_ms for part in histories]),
                now_ms=np.concatenate([part.now_ms for part in histories]),
            ),
            user=np.concatenate([part.user for part in parts]),
            time_ms=np.concatenate([part.time_ms for part in parts]),
            label_ptr=concatenate_ptr([part.label_ptr for part in parts]),
            label_item=np.concatenate([part.label_item for part in parts]),
            label_relevance=np.concatenate([part.label_relevance for part in parts]),
            label_first=np.concatenate([part.label_first for part in parts]),
        )


def sample_queries(
    log: InteractionLog,
    fold: Fold,
    *,
    n_known_items: int,
    max_queries: int,
    max_history: int,
    horizon_hours: float,
    session_timeout_minutes: float,
    event_types: EventTypes,
    rng: np.random.Generator,
) -> Queries:
    """Return up to `max_queries` moments of the fold's window, each before one event of a visitor.

    Every event in the window whose visitor did something before it can be a query, unless the one
    before has the same time: nobody is asked for the rest of an order. At most
    `MAX_QUERIES_PER_USER` random ones of a visitor are, so that a few heavy visitors do not speak
    for all. The recommendation is for the moment right after the visitor's last event if the next
    event follows within the session timeout (the page they are looking at), else for the moment
    they came back. `log` must reach to ``fold.end_ms``; `n_known_items` is the number of items
    known at ``fold.cut_ms``. An empty window gives no queries.
    """
    target = _sample_targets(log, fold, max_queries, rng)
    start = np.maximum(log.ptr[log.user[target]], target - max_history)
    last_time = log.time_ms[target - 1] if len(target) else log.time_ms[:0]
    target_time = log.time_ms[target]
    in_session = target_time - last_time <= session_timeout_minutes * 60_000
    flat, ptr = _expand(start, target)
    item = log.item[flat]
    histories = Histories(
        ptr=ptr,
        item=np.where(item < n_known_items, item, np.int32(-1)),
        event_type=log.event_type[flat],
        time_ms=log.time_ms[flat],
        now_ms=np.where(in_session, last_time, target_time),
    )
    label_ptr, label_item, relevance, first = _labels(log, target, horizon_hours, event_types)
    return Queries(
        histories, log.user[target], target_time, label_ptr, label_item, relevance, first
    )


def _sample_targets(
    log: InteractionLog, fold: Fold, max_queries: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return positions of the log to predict, ordered by time, then visitor."""
    position = np.arange(len(log), dtype=np.int64)
    in_window = (log.time_ms >= fold.cut_ms) & (log.time_ms < fold.end_ms)
    eligible = position[in_window & (position > log.ptr[log.user])]
    eligible = eligible[log.time_ms[eligible] > log.time_ms[eligible - 1]]
    shuffled = rng.permutation(eligible)
    by_user = shuffled[np.argsort(log.user[shuffled], kind="stable")]
    users = log.user[by_user]
    is_new = np.ones(len(users), dtype=bool)
    is_new[1:] = users[1:] != users[:-1]
    first_of_user = np.maximum.accumulate(np.where(is_new, np.arange(len(users)), 0))
    kept = by_user[np.arange(len(users)) - first_of_user < MAX_QUERIES_PER_USER]
    chosen = rng.choice(kept, size=min(max_queries, len(kept)), replace=False, shuffle=False)
    return chosen[np.lexsort((chosen, log.time_ms[chosen]))]


def _labels(
    log: InteractionLog, target: NDArray[np.int64], horizon_hours: float, event_types: EventTypes
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return each query's distinct items until the horizon, with their strongest weight."""
    span = int(log.time_ms.max() - log.time_ms.min()) + 1 if len(log) else 1
    horizon = min(int(horizon_hours * 3_600_000), span)
    stride = np.int64(span + horizon + 1)
    origin = log.time_ms.min() if len(log) else 0
    key = log.user.astype(np.int64) * stride + (log.time_ms - origin)
    stop = np.searchsorted(key, key[target] + horizon, side="right")
    flat, ptr = _expand(target, np.minimum(stop, target + MAX_LABEL_EVENTS))
    query = np.repeat(np.arange(len(target), dtype=np.int64), np.diff(ptr))
    weight = event_types.weight_array()[log.event_type[flat]]
    comes_next = log.time_ms[flat] == log.time_ms[target][query]
    order = np.lexsort((log.item[flat], query))
    query, item = query[order], log.item[flat][order]
    is_new = np.ones(len(query), dtype=bool)
    is_new[1:] = (query[1:] != query[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(is_new)
    relevance, first = weight[order], comes_next[order]
    if len(starts):
        relevance = np.maximum.reduceat(relevance, starts)
        first = np.logical_or.reduceat(first, starts)
    query, item = query[starts], item[starts]
    label_ptr = np.searchsorted(query, np.arange(len(target) + 1)).astype(np.int64)
    return label_ptr, item, relevance.astype(np.float32), first


def _expand(
    start: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the ranges ``[start, stop)`` one after another, and their ptr."""
    ptr = np.zeros(len(start) + 1, dtype=np.int64)
    np.cumsum(stop - start, out=ptr[1:])
    return np.arange(ptr[-1], dtype=np.int64) + np.repeat(start - ptr[:-1], stop - start), ptr
