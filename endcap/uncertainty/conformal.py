"""Calibrated probabilities and conformal intervals, fitted with MAPIE on the calibration fold.

Most candidates are never touched. One quantile of ``|relevance - expected|`` over all of them would
be that of the hopeless ones: a hair's breadth, and wrong for just the items that are shown. So the
intervals are Mondrian: the scores are cut into bands with equally many interactions (narrow where
it matters, at the top), and split conformal prediction runs in each band by itself. The coverage
asked for then holds within every band, not only on average.

Groups (queries) alternate between two halves: on one the isotonic curves are fitted, on the other
the residuals are measured, so that no query judges a curve it helped to draw.

References
----------
Vovk, Gammerman, Shafer: Algorithmic learning in a random world (2005), on Mondrian predictors.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.errors import NotEnoughDataError
from endcap.uncertainty.calibration import Calibration

MAX_BANDS: Final = 20
INTERACTIONS_PER_BAND: Final = 25
"""Fewer than this and a band's share of interactions is a guess."""
GRID: Final = tuple(round(0.50 + 0.01 * step, 2) for step in range(50))
"""Confidences whose quantiles are kept: 0.50, 0.51, ... 0.99."""


def calibrate(
    scores: NDArray[np.float64],
    relevance: NDArray[np.float32],
    groups: NDArray[np.int64] | NDArray[np.int32],
    *,
    relevance_scale: float,
    confidence: float = 0.9,
) -> Calibration:
    """Learn what the ranker's scores mean.

    Parameters
    ----------
    scores
        Ranker scores of all candidates of the calibration fold's queries, (m,). Queries without an
        interaction belong here too: leaving them out would make every probability too high.
    relevance
        Weight of the strongest event with the candidate within the horizon, 0 for none, (m,).
    groups
        The query of each candidate, non-decreasing, (m,).
    relevance_scale
        The largest event weight of the shop: relevance 1.
    confidence
        What intervals use unless asked otherwise.

    Returns
    -------
    Calibration
        Plain arrays; needs neither MAPIE nor scikit-learn.

    Raises
    ------
    NotEnoughDataError
        There are fewer than two queries, or one half of them has no interaction.
    """
    half = _halves(groups)
    graded = np.clip(np.asarray(relevance, dtype=np.float64) / relevance_scale, 0.0, 1.0)
    if not all(np.any(graded[half == part] > 0) for part in (0, 1)):
        raise NotEnoughDataError(
            "the calibration window has too few queries whose candidates were interacted with; "
            "it needs a longer log or a wider calibration window"
        )
    grades = np.unique(np.append(graded, 0.0))
    knots, above, expected = _curves(scores[half == 0], graded[half == 0], grades)
    edges = _band_edges(scores[half == 0], graded[half == 0] > 0)
    confidences = np.unique(np.asarray([*GRID, confidence]))
    return Calibration(
        score=knots,
        probability=above[0],
        expected=expected,
        edges=edges,
        confidences=confidences,
        half_width=_half_widths(
            _Curve(knots, expected), scores[half == 1], graded[half == 1], edges, confidences
        ),
        grades=grades,
        above=above,
        relevance_scale=float(relevance_scale),
        confidence=float(confidence),
    )


@dataclass
class _Curve:
    """The expected relevance as MAPIE wants a regressor: fitted, on a matrix of one column."""

    knots: NDArray[np.float64]
    expected: NDArray[np.float64]
    is_fitted: bool = True

    def fit(self, X: object, y: object) -> Self:  # noqa: ARG002, N803
        """Do nothing: the curve is given."""
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Return the same numbers that `Calibration.expected_of` returns."""
        return np.interp(np.asarray(X, dtype=np.float64)[:, 0], self.knots, self.expected)


def _halves(groups: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Return 0 for the rows of every other group and 1 for the rest."""
    is_new = np.ones(len(groups), dtype=bool)
    is_new[1:] = groups[1:] != groups[:-1]
    return (np.cumsum(is_new) - 1) % 2


def _curves(
    scores: NDArray[np.float64], graded: NDArray[np.float64], grades: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the knots of all curves, and at them P(relevance > each grade) and E[relevance]."""
    # scikit-learn comes with MAPIE; serving reads the knots with numpy.
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415

    worth = IsotonicRegression(out_of_bounds="clip").fit(scores, graded)
    chances = [
        IsotonicRegression(out_of_bounds="clip").fit(scores, graded > grade) for grade in grades
    ]
    knots = np.unique(np.concatenate([curve.X_thresholds_ for curve in (worth, *chances)]))
    above = np.stack(
        [np.interp(knots, curve.X_thresholds_, curve.y_thresholds_) for curve in chances]
    )
    # Each curve is fitted alone: a rarer outcome must not come out likelier.
    above = np.minimum.accumulate(above, axis=0)
    # A share of zero among n candidates is not proof of zero: the rule of succession's floor.
    above = np.maximum(above, 1.0 / (len(scores) + 2))
    expected = np.interp(knots, worth.X_thresholds_, worth.y_thresholds_)
    return knots, above, np.minimum(expected, above[0])


def _band_edges(scores: NDArray[np.float64], touched: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the scores between bands that hold equally many interactions."""
    bands = int(np.clip(touched.sum() // INTERACTIONS_PER_BAND, 1, MAX_BANDS))
    shares = np.arange(1, bands) / bands
    return np.unique(np.quantile(scores[touched], shares)) if bands > 1 else np.zeros(0)


def _half_widths(
    curve: "_Curve",
    scores: NDArray[np.float64],
    graded: NDArray[np.float64],
    edges: NDArray[np.float64],
    confidences: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the conformal quantile of the residual by confidence and band, (c, b).

    A band with too few rows for a confidence, ``n <= 1 / (1 - c)``, gets 1: the whole range.
    """
    from mapie.regression import SplitConformalRegressor  # noqa: PLC0415

    widths = np.ones((len(confidences), len(edges) + 1))
    band = np.searchsorted(edges, scores, side="right")
    for number in range(len(edges) + 1):
        column, truth = scores[band == number].reshape(-1, 1), graded[band == number]
        # MAPIE asks for strictly more rows than 1 / (1 - c), up to rounding, and 1 / c.
        reachable = len(truth) > 1e-6 + np.maximum(1 / confidences, 1 / (1 - confidences))
        if not reachable.any():
            continue
        conformal = SplitConformalRegressor(
            estimator=curve, confidence_level=confidences[reachable].tolist(), prefit=True
        ).conformalize(column, truth)
        point, ends = conformal.predict_interval(column[:1])
        widths[reachable, number] = ends[0, 1] - point[0]
    return np.maximum.accumulate(np.clip(widths, 0.0, 1.0), axis=0)
