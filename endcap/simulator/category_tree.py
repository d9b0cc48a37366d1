"""Categories: trees of depth 1 to 6, in depth-first order."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LEVEL_SHARES: Final = (0.104, 0.421, 0.398, 0.054, 0.008)
"""Share of all categories at depth 2 to 6 in RetailRocket's tree; the roots come first."""
_PARENT_SHARES: Final = (0.96, 0.71, 0.25, 0.05, 0.05)
"""Share of the categories at depth 1 to 5 that have children there."""


@dataclass(frozen=True)
class CategoryTree:
    """Categories in depth-first order, so that a subtree is a range.

    `ids`: public id; `parent`: index of the parent, -1 for a root; `root`: index of the root;
    `depth`: 1 for a root; `stop`: end of the subtree's range; all int64[n].
    """

    ids: NDArray[np.int64]
    parent: NDArray[np.int64]
    root: NDArray[np.int64]
    depth: NDArray[np.int64]
    stop: NDArray[np.int64]

    @property
    def leaves(self) -> NDArray[np.int64]:
        """Indices of the categories without children."""
        return np.flatnonzero(self.stop == np.arange(len(self.ids)) + 1)

    @property
    def parent_ids(self) -> list[int | None]:
        """Public id of each category's parent, None for a root."""
        return [int(self.ids[p]) if p >= 0 else None for p in self.parent]


def grow_category_tree(categories: int, trees: int, rng: np.random.Generator) -> CategoryTree:
    """Return `trees` trees with `categories` categories in all, shaped like RetailRocket's.

    Few parents have many children and most have few. Depth 6 is reached from about 100 categories.
    """
    parent: list[int] = [-1] * trees
    level = np.arange(trees)
    sizes = _level_sizes(categories, trees)
    for size, parent_share in zip(sizes, _PARENT_SHARES, strict=False):
        fertile = max(1, min(size, round(parent_share * len(level))))
        chosen = np.sort(rng.choice(level, fertile, replace=False))
        weights = rng.gamma(1.2, size=fertile)
        extra = rng.multinomial(size - fertile, weights / weights.sum())
        level = np.arange(len(parent), len(parent) + size)
        parent.extend(int(p) for p in np.repeat(chosen, 1 + extra))
    return _depth_first(parent, rng)


def _level_sizes(categories: int, trees: int) -> list[int]:
    below = categories - trees
    shares = np.cumsum(_LEVEL_SHARES) / np.sum(_LEVEL_SHARES)
    sizes = np.diff(np.round(shares * below), prepend=0)
    return [int(size) for size in sizes if size > 0]


def _depth_first(parent: list[int], rng: np.random.Generator) -> CategoryTree:
    n = len(parent)
    children: list[list[int]] = [[] for _ in range(n)]
    roots = [node for node in range(n) if parent[node] < 0]
    for node in range(n):
        if parent[node] >= 0:
            children[parent[node]].append(node)
    order: list[int] = []
    stack = roots[::-1]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(children[node][::-1])
    place = {node: at for at, node in enumerate(order)}
    up = np.array([place[parent[node]] if parent[node] >= 0 else -1 for node in order])
    root, depth, stop = np.arange(n), np.ones(n, dtype=np.int64), np.arange(n) + 1
    for at in range(n):
        if up[at] >= 0:
            root[at], depth[at] = root[up[at]], depth[up[at]] + 1
    for at in range(n - 1, -1, -1):
        if up[at] >= 0:
            stop[up[at]] = max(stop[up[at]], stop[at])
    ids = rng.choice(round(n * 1.02) + 1, n, replace=False)
    return CategoryTree(ids.astype(np.int64), up, root, depth, stop)
