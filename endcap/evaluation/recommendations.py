"""Ranked lists of any system as one array: what evaluation reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories

PADDING = -1


@dataclass(frozen=True)
class Recommendations:
    """One ranked list a query: `items` int32 (n, width), best first, padded with -1 at the end.

    Checked once, here: a list holds no item twice and nothing after its padding. Raises
    `ValueError`, since a system that breaks this is wrong in its code, not in its data.
    """

    items: NDArray[np.int32]

    def __post_init__(self) -> None:
        items = self.items
        if items.ndim != 2 or items.dtype != np.int32:
            raise ValueError("recommendations need an int32 array of two dimensions")
        if items.size and items.min() < PADDING:
            raise ValueError("an item code below -1 was recommended")
        filled = items != PADDING
        if np.any(filled[:, 1:] & ~filled[:, :-1]):
            raise ValueError("a list goes on after its padding")
        ordered = np.sort(items, axis=1)
        if np.any((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != PADDING)):
            raise ValueError("a list recommends the same item twice")

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.items)

    @property
    def width(self) -> int:
        """The length of the longest list that fits."""
        return int(self.items.shape[1])

    def top(self, k: int) -> "Recommendations":
        """Return the first `k` of each list."""
        return Recommendations(self.items[:, :k])

    def take(self, queries: NDArray[np.int64]) -> "Recommendations":
        """Return the lists of these queries."""
        return Recommendations(self.items[queries])

    def without_seen(self, histories: Histories) -> "Recommendations":
        """Return the lists less the items of each query's own history; what follows moves up."""
        rows, columns = np.nonzero(self.items != PADDING)
        kept = self.items != PADDING
        kept[rows, columns] = ~histories.holds(rows, self.items[rows, columns])
        return compacted(self.items, kept)

    def recoded(self, code_of: NDArray[np.int32]) -> "Recommendations":
        """Return the lists in another catalogue's codes; items it does not know are left out.

        `code_of` int32 (items of this catalogue,): the other catalogue's code, or -1.
        """
        if not self.items.size or not len(code_of):
            return Recommendations(np.full_like(self.items, PADDING))
        codes = np.where(self.items != PADDING, code_of[self.items], np.int32(PADDING))
        return compacted(codes.astype(np.int32), codes != PADDING)


def compacted(items: NDArray[np.int32], kept: NDArray[np.bool_]) -> Recommendations:
    """Return the `kept` entries of each row, in their order, moved to the front."""
    order = np.argsort(~kept, axis=1, kind="stable")
    moved = np.take_along_axis(items, order, axis=1)
    still = np.take_along_axis(kept, order, axis=1)
    return Recommendations(np.where(still, moved, np.int32(PADDING)))


def from_ragged(ptr: NDArray[np.int64], item: NDArray[np.int32], *, width: int) -> Recommendations:
    """Return the first `width` items of each ragged list ``item[ptr[q]:ptr[q + 1]]``."""
    lengths = np.minimum(np.diff(ptr), width)
    columns = np.arange(width, dtype=np.int64)
    filled = columns < lengths[:, None]
    items = np.full((len(lengths), width), PADDING, dtype=np.int32)
    items[filled] = item[(ptr[:-1, None] + columns)[filled]]
    return Recommendations(items)


def from_lists(lists: Sequence[Sequence[int]], *, width: int) -> Recommendations:
    """Return lists of item codes, best first, as recommendations; each is cut at `width`."""
    items = np.full((len(lists), width), PADDING, dtype=np.int32)
    for row, codes in enumerate(lists):
        kept = list(codes[:width])
        items[row, : len(kept)] = kept
    return Recommendations(items)


def list_length(histories: Histories, cutoffs: Sequence[int]) -> int:
    """Return how long a list must be so that `max(cutoffs)` items are left without the seen ones.

    That is the largest cut-off plus the largest number of distinct items in a history.
    """
    known = histories.item >= 0
    rows, items = histories.rows()[known], histories.item[known]
    stride = np.int64(items.max(initial=0)) + 1
    distinct = np.unique(rows * stride + items) // stride
    return max(cutoffs) + int(np.bincount(distinct).max(initial=0))
