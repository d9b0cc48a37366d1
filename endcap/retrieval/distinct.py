"""Distinct values, ascending. The first call of `numpy.unique` imports `numpy.ma`: 10 ms."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def distinct(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return each value once.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ascending = np.sort(values, axis=None)
    return ascending[_begins(ascending)]


def distinct_with_first(values: NDArray[Scalar]) -> tuple[NDArray[Scalar], NDArray[np.int64]]:
    """Return each value once, and the place where it comes first.

    >>> [part.tolist() for part in distinct_with_first(np.array([3, 1, 3]))]
    [[1, 3], [1, 0]]
    """
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    begins = _begins(ascending)
    return ascending[begins], order[begins]


def distinct_with_place(values: NDArray[Scalar]) -> tuple[NDArray[Scalar], NDArray[np.int64]]:
    """Return each value once, and for every value its place among them.

    >>> [part.tolist() for part in distinct_with_place(np.array([3, 1, 3]))]
    [[1, 3], [1, 0, 1]]
    """
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    begins = _begins(ascending)
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.cumsum(begins) - 1
    return ascending[begins], place


def _begins(ascending: NDArray[Scalar]) -> NDArray[np.bool_]:
    begins = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
    return begins
