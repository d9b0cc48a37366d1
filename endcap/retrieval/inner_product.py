"""The items with the largest inner products, exactly, and to the bit whatever the batch.

A matrix product of another shape, another number of threads or another processor rounds
differently in the last bits. So the fast product only screens: all items that could be among the k
best, given the bound on its rounding error, are kept; their products are then computed again, one
by one, in float64, and these decide.
"""

import numpy as np
from numpy.typing import NDArray

from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, concatenate_proposals

SCORES_AT_ONCE = 1 << 24
BLOCKS_PER_K = 16
PAIRS_AT_ONCE = 1 << 14


def largest_inner_products(
    vectors: NDArray[np.float32], items: NDArray[np.float32], *, k: int, largest_norm: float
) -> Proposals:
    """Return, for each vector, the `k` items with the largest positive inner product.

    `vectors` float32 (n, f), `items` float32 (m, f); `largest_norm`: the largest Euclidean norm of
    an item, an upper bound will do. Items whose product is not positive are left out.
    """
    n, n_items = len(vectors), len(items)
    if not n or not n_items:
        return Proposals(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    at_once = max(1, SCORES_AT_ONCE // n_items)
    return concatenate_proposals(
        [
            _largest_of_chunk(vectors[low : low + at_once], items, k, largest_norm)
            for low in range(0, n, at_once)
        ]
    )


def _largest_of_chunk(
    vectors: NDArray[np.float32], items: NDArray[np.float32], k: int, largest_norm: float
) -> Proposals:
    width = vectors.shape[1]
    norms = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1))
    # A float32 dot product of f terms is off by less than f * eps * |x| * |y|, in any order.
    error = (width + 2) * np.finfo(np.float32).eps * norms * largest_norm
    row, item = _screen(vectors, items, min(k, len(items)), error)
    return best_of_pairs(vectors, items, row, item, k=k)


def best_of_pairs(
    vectors: NDArray[np.float32],
    items: NDArray[np.float32 | np.float16],
    row: NDArray[np.int64],
    item: NDArray[np.int64],
    *,
    k: int,
) -> Proposals:
    """Return, for each vector, the `k` items with the largest positive product of those given.

    `row`, which never falls, and `item`: pairs, each once.
    """
    score = products_of_pairs(vectors, items, row, item).astype(np.float32)
    positive = score > 0
    return best_first(
        row[positive],
        item[positive].astype(np.int32),
        score[positive],
        n_rows=len(vectors),
        k=k,
    )


def products_of_pairs(
    vectors: NDArray[np.float32],
    items: NDArray[np.float32 | np.float16],
    row: NDArray[np.int64],
    item: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the product of each pair, float64 (m,): factor by factor, whatever the batch."""
    if len(vectors) == 1:
        vector = vectors[0].astype(np.float64)
        return np.asarray(np.einsum("f,mf->m", vector, items[item].astype(np.float64)))
    exact = np.empty(len(row), dtype=np.float64)
    for low in range(0, len(row), PAIRS_AT_ONCE):
        part = slice(low, low + PAIRS_AT_ONCE)
        wide = vectors[row[part]].astype(np.float64), items[item[part]].astype(np.float64)
        np.einsum("mf,mf->m", *wide, out=exact[part])
    return exact


def _screen(
    vectors: NDArray[np.float32],
    items: NDArray[np.float32],
    k: int,
    error: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (row, item) of every item that may be among the `k` best, sorted by row.

    Items are dealt into blocks. The k-th largest of the blocks' maxima is a lower bound of the
    k-th largest product, and only blocks that reach it are looked at: one cheap pass instead of a
    partition of every row.
    """
    n, n_items = len(vectors), len(items)
    blocks = min(n_items, max(k * BLOCKS_PER_K, 1024))
    depth = -(-n_items // blocks)
    scores = np.empty((n, depth * blocks), dtype=np.float32)
    scores[:, n_items:] = -np.inf
    np.matmul(vectors, items.T, out=scores[:, :n_items])
    dealt = scores.reshape(n, depth, blocks)
    best_of_block = dealt.max(axis=1)
    bound = np.partition(best_of_block, blocks - k, axis=1)[:, blocks - k]
    # What is not positive is left out anyway; without this, ties at zero would all pass.
    threshold = np.maximum(bound - 2 * error, np.finfo(np.float32).tiny - error)
    row, block = np.nonzero(best_of_block >= threshold[:, None])
    hit, layer = np.nonzero(dealt[row, :, block] >= threshold[row, None])
    return row[hit], layer * blocks + block[hit]
