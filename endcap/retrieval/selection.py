"""Sums per item and the best k per visitor, with ties always broken the same way.

Both pack what decides the order into one integer and sort that: numpy sorts plain integers several
times faster than it sorts by two keys, and no two packed integers are equal, so the order does not
depend on the sorting algorithm or on the batch.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import run_starts
from endcap.retrieval.source import Proposals

SCORE_BITS = 32
KEY_BITS = 64
FEW = 1000
"""Up to so many rows, numpy's sort by two keys is quicker than packing them and unpacking."""


def sum_by_item(
    row: NDArray[np.int64], item: NDArray[np.int32], weight: NDArray[np.float64], *, n_items: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the distinct (row, item) pairs in order, with the sum of their weights.

    Weights of one pair are added in the order given, in float64. `row` is non-decreasing, `item` in
    ``[0, n_items)``. Raises `OverflowError` where rows times items times pairs pass 63 bits.

    >>> row, item = np.zeros(3, np.int64), np.array([7, 2, 7], np.int32)
    >>> [part.tolist() for part in sum_by_item(row, item, np.array([1.0, 2.0, 4.0]), n_items=8)]
    [[0, 0], [2, 7], [2.0, 5.0]]
    """
    if not len(row) or (len(row) == 1 and not row[0]):
        return row, item, weight
    position_bits = len(row).bit_length()
    if ((int(row[-1]) + 1) * n_items).bit_length() + position_bits > 63:
        raise OverflowError("too many pairs at once: ask for fewer visitors at a time")
    packed = row * n_items + item
    packed <<= position_bits
    packed |= np.arange(len(row))
    packed.sort()
    key = packed >> position_bits
    first = run_starts(key)
    total = np.add.reduceat(weight[packed & ((1 << position_bits) - 1)], first)
    if not row[-1]:  # one visitor, as serving asks: nothing to divide
        return np.zeros(len(first), dtype=np.int64), key[first].astype(np.int32), total
    of_row, distinct = np.divmod(key[first], n_items)
    return of_row, distinct.astype(np.int32), total


def most_first(events: NDArray[np.int64], *limits: int) -> NDArray[np.int32]:
    """Return all item codes by parts, each ascending: those with the most events, up to a limit.

    >>> most_first(np.array([1, 5, 0, 5]), 2, 3).tolist()
    [1, 3, 0, 2]
    """
    order = np.argsort(-events, kind="stable").astype(np.int32)
    return np.concatenate([np.sort(part) for part in np.split(order, limits)])


def rows_of_items(code: NDArray[np.int32], n_items: int) -> NDArray[np.int32]:
    """Return the row of each item, int32 (n_items,), where row i is of item ``code[i]``; -1: none.

    >>> rows_of_items(np.array([2, 0]), 4).tolist()
    [1, -1, 0, -1]
    """
    row = np.full(n_items, -1, dtype=np.int32)
    row[code] = np.arange(len(code), dtype=np.int32)
    return row


def best_first(
    row: NDArray[np.int64],
    item: NDArray[np.int32],
    score: NDArray[np.float32],
    *,
    n_rows: int,
    k: int,
) -> Proposals:
    """Return the `k` best items of each row: by score, highest first, then by item code.

    `row` is non-decreasing, an item comes once a row at most, scores are finite.

    >>> best = best_first(np.zeros(3, np.int64), np.array([5, 1, 3], np.int32),
    ...                   np.array([0.5, 2.0, 0.5], np.float32), n_rows=1, k=2)
    >>> best.item.tolist(), best.score.tolist()
    ([1, 3], [2.0, 0.5])
    """
    if n_rows == 1:
        return _best_of_one(item, score, k)
    item_bits = max(1, int(item.max(initial=0)).bit_length())
    rows_at_once = 1 << (KEY_BITS - SCORE_BITS - item_bits)
    edges = np.searchsorted(row, np.arange(0, n_rows + rows_at_once, rows_at_once))
    order = _descending_bits(score)
    parts = []
    for chunk, (low, high) in enumerate(pairwise(edges.tolist())):
        local = (row[low:high] - chunk * rows_at_once).astype(np.uint64)
        packed = (local << np.uint64(SCORE_BITS + item_bits)) | (
            order[low:high].astype(np.uint64) << np.uint64(item_bits)
        )
        packed |= item[low:high].astype(np.uint64)
        packed.sort()
        parts.append(packed)
    packed = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    counts = np.bincount(row, minlength=n_rows)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    kept = packed[np.arange(len(packed)) - start < k]
    ptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.minimum(counts, k), out=ptr[1:])
    return Proposals(
        ptr=ptr,
        item=(kept & np.uint64((1 << item_bits) - 1)).astype(np.int32),
        score=_scores_of((kept >> np.uint64(item_bits)).astype(np.uint32)),
    )


def _best_of_one(item: NDArray[np.int32], score: NDArray[np.float32], k: int) -> Proposals:
    """Return the same for a single row: serving asks for nothing else, and waits."""
    if len(score) <= FEW:
        score = score + np.float32(0)
        order = np.lexsort((item, -score))[:k]
        ptr = np.asarray([0, len(order)], dtype=np.int64)
        return Proposals(ptr, item[order], score[order])
    packed = _descending_bits(score).astype(np.uint64)
    packed <<= np.uint64(SCORE_BITS)
    packed |= item.astype(np.uint64)
    packed.sort()
    kept = packed[:k]
    return Proposals(
        ptr=np.asarray([0, len(kept)], dtype=np.int64),
        item=kept.astype(np.uint32).astype(np.int32),
        score=_scores_of((kept >> np.uint64(SCORE_BITS)).astype(np.uint32)),
    )


def _descending_bits(score: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Map floats to integers that sort the other way round: IEEE bits, sign handled, inverted."""
    # Adding zero turns -0.0 into 0.0, which must tie with it.
    bits = (score + np.float32(0)).view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000))
    return ~ascending


def _scores_of(descending: NDArray[np.uint32]) -> NDArray[np.float32]:
    ascending = ~descending
    bits = np.where(ascending >> 31, ascending & np.uint32(0x7FFFFFFF), ~ascending)
    return bits.astype(np.uint32).view(np.float32)
