"""What a doorway was told a visitor did, as histories in a model's codes.

The one place where untrusted events become histories: out of order, repeated, in the future, on
unknown items or of an unknown type, which counts as the weakest one, a view.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import EventTypes, Histories
from endcap.serving.model import ServingModel


@dataclass(frozen=True)
class GivenEvent:
    """One event as the shop spells it; `time_ms` None if the shop did not say when."""

    item_id: str
    event_type: str
    time_ms: int | None


@dataclass(frozen=True)
class GivenHistory:
    """One visitor's events, in any order. `now_ms`: None for the moment after the last event."""

    events: Sequence[GivenEvent]
    now_ms: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ReadHistories:
    """Histories in the model's codes, and what was odd about the events that they were read from.

    int64 (n,) by visitor: `future` events, later than now, and `duplicates`, which repeat item,
    type and time of an event before them, were ignored; events on `unknown_items` were kept, as
    items of code -1.
    """

    histories: Histories
    future: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    unknown_items: NDArray[np.int64]

    def ignored(self, visitor: int) -> dict[str, int]:
        """Return how many events of a visitor did not count, by reason."""
        return {
            "future": int(self.future[visitor]),
            "duplicates": int(self.duplicates[visitor]),
            "unknown_items": int(self.unknown_items[visitor]),
        }


def to_histories(
    given: Sequence[GivenHistory], model: ServingModel, *, default_now_ms: int
) -> Histories:
    """Return the histories that `read_histories` reads, without the counts."""
    return read_histories(given, model, default_now_ms=default_now_ms).histories


def read_histories(
    given: Sequence[GivenHistory], model: ServingModel, *, default_now_ms: int
) -> ReadHistories:
    """Return the histories in the model's codes, oldest event first, and what was ignored.

    Events of equal time keep the order they were given in. An event without a time happened with
    the one given before it, or with the first that has a time; where none has, now.
    `default_now_ms` is now for a history that tells no time.
    Of events that repeat item, type and stated time the first counts, as in cleaning. However many
    events there are, all are kept: `Histories.newest` bounds what is computed from them.
    """
    codes = model.item_codes
    events: list[_Event] = []
    ends, now, future, duplicates = [0], [], [], []
    for history in given:
        moment = _now(history, default_now_ms)
        told = _told(history.events, model.event_types, moment)
        past = [event for event in told if event.time_ms <= moment]
        distinct = _without_repetitions(past)
        events += sorted(distinct, key=lambda event: event.time_ms)
        future.append(len(told) - len(past))
        duplicates.append(len(past) - len(distinct))
        now.append(moment)
        ends.append(len(events))
    ptr = np.asarray(ends, dtype=np.int64)
    item = np.asarray([codes.get(event.item_id, -1) for event in events], dtype=np.int32)
    histories = Histories(
        ptr=ptr,
        item=item,
        event_type=np.asarray([max(event.event_type, 0) for event in events], dtype=np.int8),
        time_ms=np.asarray([event.time_ms for event in events], dtype=np.int64),
        now_ms=np.asarray(now, dtype=np.int64),
    )
    return ReadHistories(
        histories=histories,
        future=np.asarray(future, dtype=np.int64),
        duplicates=np.asarray(duplicates, dtype=np.int64),
        unknown_items=_unknown(histories),
    )


def _unknown(histories: Histories) -> NDArray[np.int64]:
    unknown = histories.item < 0
    if not unknown.any():
        return np.zeros(len(histories), dtype=np.int64)
    return np.bincount(histories.rows()[unknown], minlength=len(histories))


class _Event(NamedTuple):
    """An event with a time, and whether the shop told it; an unknown type has code -1."""

    item_id: str
    event_type: int
    time_ms: int
    has_time: bool


def _now(history: GivenHistory, default_now_ms: int) -> int:
    if history.now_ms is not None:
        return history.now_ms
    times = (event.time_ms for event in history.events if event.time_ms is not None)
    return max(times, default=default_now_ms)


def _told(events: Sequence[GivenEvent], types: EventTypes, now_ms: int) -> list[_Event]:
    """Return each event with a time: its own, or its neighbour's, or now."""
    first = next((event.time_ms for event in events if event.time_ms is not None), None)
    told, last = [], now_ms if first is None else first
    for event in events:
        last = last if event.time_ms is None else event.time_ms
        has_time = event.time_ms is not None
        told.append(_Event(event.item_id, types.code(event.event_type), last, has_time))
    return told


def _without_repetitions(events: list[_Event]) -> list[_Event]:
    """Return the events in order, repetitions left out.

    Without a time of its own an event may well have happened twice.
    """
    seen = set()
    distinct = []
    for event in events:
        if event.has_time and event in seen:
            continue
        seen.add(event)
        distinct.append(event)
    return distinct
