"""Business boosts: items that a shop wants moved up or down."""

import numpy as np
from numpy.typing import NDArray


def boosted(
    scores: NDArray[np.float64],
    item: NDArray[np.int32],
    visitor: NDArray[np.int64],
    boosts: tuple[tuple[int, float], ...],
) -> NDArray[np.float64]:
    """Return the scores with each boosted item's moved, float64 (m,).

    A boost is in standard deviations of the visitor's own candidates' scores, so that it means the
    same for every model and visitor: +1 lifts an item about as far as a good candidate stands above
    an average one. `item` and `visitor` (m,), visitors from 0, in order.
    """
    if not boosts or not len(scores):
        return scores
    amount_by_item = dict(boosts)
    amount = np.asarray([amount_by_item.get(code, 0.0) for code in item.tolist()])
    starts = np.flatnonzero(np.diff(visitor, prepend=-1))
    spread = np.asarray([part.std() for part in np.split(scores, starts[1:])])
    each = np.repeat(spread, np.diff(starts, append=len(scores)))
    lifted: NDArray[np.float64] = scores + amount * each
    return lifted
