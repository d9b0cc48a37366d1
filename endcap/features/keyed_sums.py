"""Sums per (visitor, key) whose bits do not depend on what else is in the batch."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NO_KEY = np.iinfo(np.int64).max
_FIRST = np.zeros(1, dtype=np.int64)
_FIRST.flags.writeable = False


@dataclass(frozen=True, eq=False, repr=False)
class Groups:
    """Events grouped by an int64 key.

    `keys` int64 (g + 1,): the distinct keys ascending, then a sentinel. `of_event` int64 (e,): each
    event's group. `order` int64 (e,): the events group by group, each in the order they came in.
    `ends` int64 (g,): where each group's last event stands in `order`.
    """

    keys: NDArray[np.int64]
    of_event: NDArray[np.int64]
    order: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.ends)

    @cached_property
    def first_event(self) -> NDArray[np.int64]:
        """The position of each group's first event, int64 (g,)."""
        begins = np.zeros_like(self.ends)
        np.add(self.ends[:-1], 1, out=begins[1:])
        return self.order[begins]

    @cached_property
    def last_event(self) -> NDArray[np.int64]:
        """The position of each group's last event, int64 (g,)."""
        return self.order[self.ends]

    def count(self) -> NDArray[np.int64]:
        """Return the number of events per group, int64 (g,)."""
        return np.bincount(self.of_event, minlength=len(self))

    def sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of `values` per group, float64 (g,), added in the order of the events.

        Adding one by one, as `numpy.bincount` does, makes a group's sum depend on its own events
        alone; a pairwise or threaded sum would not.
        """
        total = np.bincount(self.of_event, weights=values, minlength=len(self))
        return total.astype(np.float64, copy=False)

    def find(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the group of each wanted key; the number of groups where there is none."""
        position = np.searchsorted(self.keys, wanted)
        return np.where(self.keys[position] == wanted, position, len(self))


def group_by(keys: NDArray[np.int64]) -> Groups:
    """Group events by their keys, which must be less than the largest int64.

    >>> groups = group_by(np.array([7, 3, 7]))
    >>> groups.sum(np.array([1.0, 2.0, 4.0]))
    array([2., 5.])
    >>> groups.find(np.array([3, 4, 7]))
    array([0, 2, 1])
    """
    if len(keys) == 1:  # what most visitors have
        return Groups(np.asarray([keys[0], _NO_KEY]), _FIRST, _FIRST, _FIRST)
    order = keys.argsort(kind="stable")
    ordered = keys[order]
    is_last = np.ones(len(keys), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_last[:-1])
    ends = is_last.nonzero()[0]
    of_event = np.empty(len(keys), dtype=np.int64)
    of_event[order] = is_last.cumsum() - is_last
    distinct = np.empty(len(ends) + 1, dtype=np.int64)
    distinct[:-1] = ordered[ends]
    distinct[-1] = _NO_KEY
    return Groups(distinct, of_event, order, ends)
