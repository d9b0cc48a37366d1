"""The newest known events of each visitor: what every source that reads a history starts from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories


@dataclass(frozen=True)
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
        return self.weight * np.exp2(-self.age / half_life_events)


def recent_events(
    histories: Histories, *, n_items: int, event_weights: NDArray[np.float32], limit: int
) -> RecentEvents:
    """Return the newest `limit` events on items of the catalogue of each visitor.

    An item outside ``[0, n_items)`` is unknown; its events, and those of weight 0, are dropped
    before anything is counted. An event type without a weight counts like the first one.
    """
    row = histories.rows()
    kind = histories.event_type
    kind = np.where((kind >= 0) & (kind < len(event_weights)), kind, 0)
    weight = event_weights[kind].astype(np.float64)
    counted = (histories.item >= 0) & (histories.item < n_items) & (weight > 0)
    row, item, weight = row[counted], histories.item[counted], weight[counted]
    age = np.cumsum(np.bincount(row, minlength=len(histories)))[row] - 1 - np.arange(len(row))
    recent = age < limit
    return RecentEvents(row[recent], item[recent], weight[recent], age[recent])
