"""How like an item is to single items that a visitor touched last, by vectors of items.

A score sums a visitor's whole history into one number. Which of the items a candidate is like, the
newest or any other, is lost in it, and the ranker learns from that too.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LIKENESS: Final = ("newest", "second", "nearest", "mean")
"""What an item is held to: the item of the newest event, that of the one before, whichever of the
`EVENTS` newest is most like it, and the mean of their unit vectors."""
EVENTS: Final = 10
_LENGTH: Final = 4000
"""Unit vectors are rounded to whole numbers of this length. The products of two of them add up to
less than 2**24 in any order, so float32 holds each sum exactly: the same to the bit in a matrix
product of any shape."""
_SCALE: Final = np.float32(1 / _LENGTH**2)


def likeness_of(
    vectors: NDArray[np.float32],
    touched: NDArray[np.int32],
    touched_ptr: NDArray[np.int64],
    place: NDArray[np.int32],
    ptr: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the cosines named by `LIKENESS`, float32 (m, 4).

    Rounding the vectors shifts a cosine by 0.001 as a rule; that to the mean of vectors that nearly
    cancel each other by more, as little of it is left.

    `vectors` float32 (v, d). ``touched[touched_ptr[q] : touched_ptr[q + 1]]``: the rows of visitor
    q's newest events, up to `EVENTS`, oldest first; ``place[ptr[q] : ptr[q + 1]]``: those of the
    items that are held to them. NaN where there is no such event; 0 for a vector of zeros.
    """
    likeness = np.full((len(place), len(LIKENESS)), np.nan, dtype=np.float32)
    for visitor in range(len(ptr) - 1):
        own = touched[touched_ptr[visitor] : touched_ptr[visitor + 1]]
        rows = slice(int(ptr[visitor]), int(ptr[visitor + 1]))
        if len(own):
            _write(likeness[rows], vectors[np.concatenate([own, place[rows]])], len(own))
    return likeness


def _write(out: NDArray[np.float32], vectors: NDArray[np.float32], n_touched: int) -> None:
    """Write the likeness of all but the first `n_touched` of `vectors` to these."""
    whole = _whole(vectors)
    touched, items = whole[:n_touched], whole[n_touched:]
    if n_touched == 1:  # most visitors
        out[:, [0, 2, 3]] = (items @ touched[0])[:, None] * _SCALE
        return
    mean = _whole(touched.sum(axis=0, keepdims=True))
    cosine = (items @ np.concatenate([touched, mean]).T) * _SCALE
    out[:, 0] = cosine[:, n_touched - 1]
    out[:, 1] = cosine[:, n_touched - 2]
    cosine[:, :n_touched].max(axis=1, out=out[:, 2])
    out[:, 3] = cosine[:, n_touched]


def _whole(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.sqrt(np.einsum("vd,vd->v", vectors, vectors))
    scale = np.zeros_like(length)
    np.divide(np.float32(_LENGTH), length, out=scale, where=length > 0)
    whole: NDArray[np.float32] = np.rint(vectors * scale[:, None])
    return whole
