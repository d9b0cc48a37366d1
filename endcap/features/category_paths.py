"""Each category's path from the top of the forest down, as rows of one array."""

import numpy as np
from numpy.typing import NDArray


def category_paths(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the path to each of k categories, int32 (k + 1, longest), from the top down.

    Column 0 is k, a top above all roots; then the root, and so on down to the category itself; -1
    after it. The last row, which position -1 finds, is the empty path of no category. `parent`:
    parent code by code, -1 for a root, without cycles.

    >>> category_paths(np.array([-1, 0, 1], dtype=np.int32)).tolist()
    [[3, 0, -1, -1], [3, 0, 1, -1], [3, 0, 1, 2], [-1, -1, -1, -1]]
    """
    k = len(parent)
    upwards = [np.arange(k, dtype=np.int32)]
    while len(upwards) <= k and (upwards[-1] >= 0).any():
        below = upwards[-1]
        upwards.append(np.where(below >= 0, parent[below], -1).astype(np.int32))
    chain = np.stack(upwards, axis=1)
    nodes = (chain >= 0).sum(axis=1)
    paths = np.full((k + 1, chain.shape[1]), -1, dtype=np.int32)
    paths[:k, 0] = k
    for column in range(1, chain.shape[1]):
        step = nodes - column
        inside = np.flatnonzero(step >= 0)
        paths[inside, column] = chain[inside, step[inside]]
    return paths
