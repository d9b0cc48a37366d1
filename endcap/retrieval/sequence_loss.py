"""What the vectors of `sequence` are learned by: the loss of a batch, and its gradients.

A visitor's vector is the weighted mean of the unit vectors of what was touched last, and the score
of an item the cosine with it. The weight of an event is that of its type, times ``exp(age_bias +
item_bias)``: how long ago it was, in events, and of which item. The loss is the cross-entropy of
the item that came next against drawn ones, the score of each lowered by the logarithm of its
chance to be drawn.

References: Hou et al. (2022), "CORE: Simple and Effective Session-based Recommendation within
Consistent Representation Space"; Bengio & Senécal (2008), "Adaptive importance sampling to
accelerate training of a neural probabilistic language model".
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # SciPy is training's
    from scipy.sparse import csr_array

_SHORTEST = 1e-6
"""Of a mean of opposite vectors, which points nowhere."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Parameters:
    """`vectors` (items, d), none of them zero; `item_bias` (items,); `age_bias` (ages,)."""

    vectors: Floats
    item_bias: Floats
    age_bias: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Batch:
    """b moments: events before each, the item that came next, and c drawn items for all of them.

    Items are positions in the parameters. Moment q's events, one at least, are ``[ptr[q],
    ptr[q + 1])`` of `item` int64 (e,), `age` int64 (e,), 0 for the newest, and `weight` (e,),
    above 0. `target` int64 (b,); `drawn` int64 (c,), distinct. `log_expected` (items,): the
    logarithm of how often an item is expected among the drawn.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int64]
    age: NDArray[np.int64]
    weight: Floats
    target: NDArray[np.int64]
    drawn: NDArray[np.int64]
    log_expected: Floats


def loss_and_gradients(
    parameters: Parameters, batch: Batch, *, temperature: float
) -> tuple[float, Parameters]:
    """Return the mean loss of a batch, and its derivatives by the parameters.

    Cosines are divided by `temperature`. Where an item is drawn that came next, it does not count
    as drawn.
    """
    n, dtype = len(batch.target), parameters.vectors.dtype
    length = np.sqrt(_dots(parameters.vectors, parameters.vectors))
    unit = parameters.vectors / length[:, None]
    shares = shares_of(parameters, batch)
    mean = shares @ unit
    mean_length = np.maximum(np.sqrt(_dots(mean, mean)), _SHORTEST)
    visitor = mean / mean_length[:, None]

    # Softmax over the target and the drawn, in place: this is where the time goes.
    drawn = unit[batch.drawn]
    logit = visitor @ drawn.T
    logit /= dtype.type(temperature)
    logit -= batch.log_expected[batch.drawn]
    logit[batch.target[:, None] == batch.drawn] = -np.inf
    of_target = _dots(visitor, unit[batch.target]) / dtype.type(temperature)
    of_target -= batch.log_expected[batch.target]
    highest = np.maximum(logit.max(axis=1, initial=-np.inf), of_target)
    logit -= highest[:, None]
    np.exp(logit, out=logit)
    by_target = np.exp(of_target - highest)
    total = logit.sum(axis=1) + by_target
    loss = float(np.mean(np.log(total) - (of_target - highest)))

    # Back: to cosines, to visitors, to the weighted mean, to the items' unit vectors.
    scale = dtype.type(1 / (n * temperature))
    logit *= (scale / total)[:, None]
    pull = (by_target / total - 1) * scale
    to_visitor = logit @ drawn + pull[:, None] * unit[batch.target]
    to_mean = _across(to_visitor, visitor) / mean_length[:, None]
    to_unit = shares.T @ to_mean
    to_unit += _sparse(pull, batch.target, np.arange(n + 1), len(unit)).T @ visitor
    to_unit[batch.drawn] += logit.T @ visitor
    row = np.repeat(np.arange(n), np.diff(batch.ptr))
    to_share = _dots(to_mean[row], unit[batch.item])
    weighted = np.bincount(row, shares.data * to_share, minlength=n)
    to_bias = shares.data * (to_share - weighted[row])
    return loss, Parameters(
        vectors=_across(to_unit, unit) / length[:, None],
        item_bias=np.bincount(batch.item, to_bias, minlength=len(unit)).astype(dtype),
        age_bias=np.bincount(batch.age, to_bias, minlength=len(parameters.age_bias)).astype(dtype),
    )


def shares_of(parameters: Parameters, batch: Batch) -> "csr_array":
    """Return the part that each event has in its moment's mean, (b, items); rows add up to 1."""
    bias = parameters.age_bias[batch.age] + parameters.item_bias[batch.item]
    # The largest of a moment becomes 0, so that none is too large for its exponential.
    bias -= np.repeat(np.maximum.reduceat(bias, batch.ptr[:-1]), np.diff(batch.ptr))
    weight = batch.weight * np.exp(bias)
    total = np.add.reduceat(weight, batch.ptr[:-1])
    share = (weight / np.repeat(total, np.diff(batch.ptr))).astype(parameters.vectors.dtype)
    return _sparse(share, batch.item, batch.ptr, len(parameters.vectors))


def _sparse(
    value: Floats, item: NDArray[np.int64], ptr: NDArray[np.int64], n_items: int
) -> "csr_array":
    from scipy.sparse import csr_array  # noqa: PLC0415

    return csr_array((value, item, ptr), shape=(len(ptr) - 1, n_items))


def _dots(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("nd,nd->n", left, right))


def _across(gradient: Floats, unit: Floats) -> Floats:
    """Return the part of each gradient across its unit vector: along it nothing moves."""
    return gradient - unit * _dots(gradient, unit)[:, None]
