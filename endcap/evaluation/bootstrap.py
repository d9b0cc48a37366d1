r"""Means with percentile intervals, resampling visitors.

Queries of one visitor are alike, so the visitor is what is drawn with replacement (Efron and
Tibshirani 1993, ch. 8: clusters). With :math:`s_u` the sum and :math:`n_u` the number of visitor
u's values and :math:`w_u` how often u was drawn, a sample's mean is
:math:`\sum w_u s_u / \sum w_u n_u`. All metrics, systems and slices of a scoreboard see the same
draws, so that their differences are paired.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A mean and the interval that the resampled means fall into. NaN where there is nothing."""

    mean: float
    low: float
    high: float

    @property
    def is_measured(self) -> bool:
        """Whether there was anything to take the mean of."""
        return not np.isnan(self.mean)

    @classmethod
    def from_fields(cls, fields: Mapping[str, float | None]) -> Self:
        """Return the estimate of its JSON fields, where null is NaN."""
        mean, low, high = (fields[name] for name in ("mean", "low", "high"))
        return cls(*(math.nan if value is None else value for value in (mean, low, high)))


@dataclass(frozen=True)
class VisitorDraws:
    """Resampled visitors.

    `visitor` int64 (n,) is each query's visitor as 0 … n_visitors - 1; `times` float64 (samples,
    n_visitors) is how often each was drawn.
    """

    visitor: NDArray[np.int64]
    times: NDArray[np.float64]
    confidence: float

    @classmethod
    def draw(
        cls,
        user: NDArray[np.int32],
        *,
        samples: int,
        confidence: float,
        rng: np.random.Generator,
    ) -> "VisitorDraws":
        """Draw the visitors of these queries `samples` times with replacement."""
        distinct, visitor = np.unique(user, return_inverse=True)
        n = len(distinct)
        times = np.zeros((samples, n), dtype=np.float64)
        for sample in times if n else ():
            sample[:] = np.bincount(rng.integers(n, size=n), minlength=n)
        return cls(visitor.astype(np.int64), times, confidence)

    def estimate(self, values: NDArray[np.float64]) -> list[Estimate]:
        """Return the mean of each column of `values` float64 (n, columns), with its interval.

        NaN means "this query has no value" and is left out of that column. A sample that drew no
        visitor with a value is left out of the interval.
        """
        means, resampled = self._means(values)
        return [
            _with_interval(mean, column, self.confidence)
            for mean, column in zip(means.tolist(), resampled.T, strict=True)
        ]

    def _means(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean of each column, and of each column in each sample."""
        has_value = ~np.isnan(values)
        present, visitor = np.unique(self.visitor[has_value.any(axis=1)], return_inverse=True)
        values, has_value = values[has_value.any(axis=1)], has_value[has_value.any(axis=1)]
        total = _sums(np.where(has_value, values, 0.0), visitor, len(present))
        # most columns have values for the same queries: what is counted is counted once
        patterns, pattern_of = np.unique(has_value, axis=1, return_inverse=True)
        count = _sums(patterns.astype(np.float64), visitor, len(present))[pattern_of]
        drawn = self.times[:, present]
        with np.errstate(invalid="ignore"):
            resampled = _weighted_sums(drawn, total) / _weighted_sums(drawn, count)
            return total.sum(axis=1) / count.sum(axis=1), resampled


def _sums(values: NDArray[np.float64], visitor: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return the sum of each column by visitor, float64 (columns, n)."""
    columns = [np.bincount(visitor, column, minlength=n) for column in values.T]
    return np.stack(columns) if columns else np.zeros((0, n))


def _weighted_sums(
    times: NDArray[np.float64], per_visitor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sums of `per_visitor` (columns, visitors) in each sample: (samples, columns).

    einsum and not a BLAS product: its order of summation does not hang on the number of threads,
    so the last digit does not either.
    """
    sums: NDArray[np.float64] = np.einsum("su,cu->sc", times, per_visitor)
    return sums


def _with_interval(mean: float, resampled: NDArray[np.float64], confidence: float) -> Estimate:
    """Return the mean with the central `confidence` of the resampled means."""
    usable = resampled[~np.isnan(resampled)]
    if not len(usable):
        return Estimate(mean, float("nan"), float("nan"))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(usable, [tail, 1.0 - tail])
    return Estimate(mean, float(low), float(high))


def bootstrap_mean(
    values: NDArray[np.float64],
    user: NDArray[np.int32],
    *,
    samples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Estimate:
    """Return the mean of one value a query with its interval, resampling visitors."""
    draws = VisitorDraws.draw(user, samples=samples, confidence=confidence, rng=rng)
    return draws.estimate(values[:, None])[0]


def paired_difference(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    user: NDArray[np.int32],
    *,
    samples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Estimate:
    """Return the mean of `ours` - `theirs`, query by query, with its interval.

    A query in which either has no value is left out.
    """
    return bootstrap_mean(ours - theirs, user, samples=samples, confidence=confidence, rng=rng)
