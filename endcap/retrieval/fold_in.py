"""A visitor's factors from the items of the history, without a stored user vector."""

import numpy as np
from numpy.typing import NDArray

HISTORIES_AT_ONCE = 1024


def gram_inverse(item_factors: NDArray[np.float32], regularization: float) -> NDArray[np.float64]:
    """Return ``(Y'Y + regularization * I)**-1``, float64 (f, f)."""
    wide = item_factors.astype(np.float64)
    gram = wide.T @ wide + regularization * np.eye(wide.shape[1])
    inverse = np.linalg.inv(gram).astype(np.float64)
    return (inverse + inverse.T) / 2


def fold_in(
    row: NDArray[np.int64],
    item: NDArray[np.int32],
    confidence: NDArray[np.float64],
    *,
    n_rows: int,
    item_factors: NDArray[np.float32],
    inverse: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the factors of each visitor given the confidence in each of the visitor's items.

    The normal equations of implicit ALS, ``(Y'Y + rI + Yu'(C - I)Yu) x = Yu'c``, with M the
    inverse of their constant part and h items in the history, become a system of size h:
    ``x = M Yu' (I + (C - I) Yu M Yu')**-1 c``. Histories are short, so this costs a fraction of
    the f by f system, and equals it.

    `row` is non-decreasing, an item comes once a row, `confidence` is positive. A visitor without
    items gets zeros. Each visitor is solved alone, so the batch does not change the result.
    Returns float32 (n_rows, f).

    References: Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback
    datasets".
    """
    factors = np.zeros((n_rows, item_factors.shape[1]), dtype=np.float32)
    if n_rows == 1:
        if len(item):
            factors[0] = _solved(item[None], confidence[None], item_factors, inverse)[0]
        return factors
    size = np.bincount(row, minlength=n_rows)
    start = np.cumsum(size) - size
    for h in np.unique(size[size > 0]).tolist():
        alike = np.flatnonzero(size == h)
        for low in range(0, len(alike), HISTORIES_AT_ONCE):
            chosen = alike[low : low + HISTORIES_AT_ONCE]
            place = start[chosen, None] + np.arange(h)
            factors[chosen] = _solved(item[place], confidence[place], item_factors, inverse)
    return factors


def _solved(
    item: NDArray[np.int32],
    confidence: NDArray[np.float64],
    item_factors: NDArray[np.float32],
    inverse: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the factors of q visitors with h items each, float64 (q, f), of arrays (q, h)."""
    own = item_factors[item].astype(np.float64)
    spread = own @ inverse
    system = (confidence - 1)[:, :, None] * (spread @ own.transpose(0, 2, 1))
    h = item.shape[1]
    if h == 1:  # most visitors, and no system to solve
        return np.asarray(spread[:, 0] * (confidence / (system[:, :, 0] + 1)))
    system += np.eye(h)
    share = np.linalg.solve(system, confidence[:, :, None])
    return np.asarray(np.einsum("qhf,qh->qf", spread, share[:, :, 0]))
