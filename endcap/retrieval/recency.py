"""The newest known events of each visitor: what every source that reads a history starts from."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories

EACH_ONE: Final = np.ones(1, dtype=np.float32)
"""The weights of event types that all count alike."""


@dataclass(frozen=True, eq=False, repr=False)
class RecentEvents:
    """Events on known items, newest `limit` a visitor, oldest first.

    `row` int64 (m,): the visitor, non-decreasing; `item` int32 (m,); `weight` float64 (m,): the
    event type's; `age` int64 (m,): known events since, 0 for the newest.
    """

    row: NDArray[np.int64]
    item: NDArray[np.int32]
    weight: NDArray[np.float64]
    age: NDArray[np.int64]

    def decayed(self, half_life_events: float) -> NDArray[np.float64]:
        """Return the weights, halved for every `half_life_events` of age."""
        if len(self.age) == 1:
            return self.weight
        return self.weight * np.exp2(-self.age / half_life_events)

    def newest(self, limit: int) -> "RecentEvents":
        """Return the newest `limit` events of the one visitor whose these are."""
        if len(self.row) <= limit:
            return self
        return RecentEvents(
            self.row[-limit:], self.item[-limit:], self.weight[-limit:], self.age[-limit:]
        )


def recent_events(
    histories: Histories, *, n_items: int, event_weights: NDArray[np.float32], limit: int
) -> RecentEvents:
    """Return the newest `limit` events on items of the catalogue of each visitor.

    An item outside ``[0, n_items)`` is unknown; its events, and those of weight 0, are dropped
    before anything is counted. An event type without a weight counts like the first one.
    """
    asked = (recent_events, n_items, event_weights.tobytes())
    events = histories.once(asked, lambda: _known_events(histories, n_items, event_weights))
    if len(histories) == 1:
        return events.newest(limit)
    recent = events.age < limit
    return RecentEvents(
        events.row[recent], events.item[recent], events.weight[recent], events.age[recent]
    )


def ages_of(row: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return how many events of the same visitor follow each event, int64 (m,).

    `row`, which never falls: the visitor of each event, oldest event first.

    >>> ages_of(np.array([0, 0, 2]), 3).tolist()
    [1, 0, 0]
    """
    if n_rows == 1:
        return np.arange(len(row) - 1, -1, -1)
    return np.cumsum(np.bincount(row, minlength=n_rows))[row] - 1 - np.arange(len(row))


def _known_events(
    histories: Histories, n_items: int, event_weights: NDArray[np.float32]
) -> RecentEvents:
    row, item, weight = _counted(histories, n_items, event_weights)
    return RecentEvents(row, item, weight, ages_of(row, len(histories)))


def _counted(
    histories: Histories, n_items: int, event_weights: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    row, item = histories.rows(), histories.item
    weight = _weights(histories.event_type, event_weights)
    counted = (item >= 0) & (item < n_items) & (weight > 0)
    if counted.all():
        return row, item, weight
    return row[counted], item[counted], weight[counted]


def _weights(
    event_type: NDArray[np.int8], event_weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    if len(event_weights) == 1:
        return np.full(len(event_type), event_weights[0], dtype=np.float64)
    known = (event_type >= 0) & (event_type < len(event_weights))
    return event_weights[np.where(known, event_type, 0)].astype(np.float64)
