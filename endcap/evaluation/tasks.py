"""What counts as relevant: (the next item | all | what is bought until the horizon) x (all | new).

The two headline tasks are ``next_interaction`` (repeats allowed) and ``new_items``. For tasks of
new items, relevant items and recommendations are restricted to items that are not in the query's
history. A system is asked for one list, long enough (`recommendations.list_length`), and the seen
items are taken out of it: the same as asking it for new items only, as long as it scores an item
without looking at which others may be shown.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.queries import Queries


@dataclass(frozen=True)
class Task:
    """Which labels are relevant, and whether seen items are out of bounds."""

    name: str
    description: str
    next_only: bool
    new_only: bool
    bought_only: bool = False


NEXT_INTERACTION: Final = Task(
    "next_interaction",
    "the items of the very next moment, repeats allowed",
    next_only=True,
    new_only=False,
)
NEXT_NEW_ITEM: Final = Task(
    "next_new_item",
    "the items of the very next moment that the visitor has not seen yet",
    next_only=True,
    new_only=True,
)
WITHIN_HORIZON: Final = Task(
    "within_horizon",
    "all items until the horizon, graded by their strongest event, repeats allowed",
    next_only=False,
    new_only=False,
)
NEW_ITEMS: Final = Task(
    "new_items",
    "all items until the horizon that the visitor has not seen yet, graded",
    next_only=False,
    new_only=True,
)
PURCHASES: Final = Task(
    "purchases",
    "all items bought until the horizon, repeats allowed",
    next_only=False,
    new_only=False,
    bought_only=True,
)
NEW_PURCHASES: Final = Task(
    "new_purchases",
    "all items bought until the horizon that the visitor has not seen yet",
    next_only=False,
    new_only=True,
    bought_only=True,
)
TASKS: Final = (
    NEXT_INTERACTION,
    NEW_ITEMS,
    NEXT_NEW_ITEM,
    WITHIN_HORIZON,
    PURCHASES,
    NEW_PURCHASES,
)


@dataclass(frozen=True)
class RelevantItems:
    """What should have been recommended: query q's items are ``[ptr[q], ptr[q + 1])``.

    `item` int32 (r,), each once a query; `gain` float64 (r,), above 0. A query without relevant
    items is not part of the task.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    gain: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.ptr) - 1

    def counts(self) -> NDArray[np.int64]:
        """Return the number of relevant items of each query, int64 (n,)."""
        return np.diff(self.ptr)

    def rows(self) -> NDArray[np.int64]:
        """Return the query that each relevant item belongs to, int64 (r,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts())


def relevant_items(
    queries: Queries, task: Task, *, purchase_weight: float = math.inf
) -> RelevantItems:
    """Return the relevant items of each query for a task.

    A next item has gain 1; within the horizon an item's gain is the weight of its strongest
    event, and an item of weight 0 is not relevant. An item that is unknown at the cut stays: no
    system can find it, so it counts as a miss. For tasks of new items, an item that occurs in
    ``queries.histories`` is left out; what lies further back than those histories reach counts as
    new. An item is bought if its strongest event weighs `purchase_weight` or more.
    """
    n = len(queries)
    row = np.repeat(np.arange(n, dtype=np.int64), np.diff(queries.label_ptr))
    kept = queries.label_first.copy() if task.next_only else queries.label_relevance > 0
    if task.bought_only:
        kept &= queries.label_relevance >= purchase_weight
    if task.new_only:
        kept &= ~queries.histories.holds(row, queries.label_item)
    gain = np.ones(int(kept.sum())) if task.next_only else queries.label_relevance[kept]
    ptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(row[kept], minlength=n), out=ptr[1:])
    return RelevantItems(ptr, queries.label_item[kept], gain.astype(np.float64))
