"""From ranker scores to probabilities and intervals: plain arrays, numpy alone."""

import json
from dataclasses import dataclass, field, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.errors import CorruptArtifactError, UserInputError

_GUARD: Final = 1e-9
"""An interval that ends on a grade must not miss it by a rounding error of this size."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """What a ranker score means, learnt on the calibration fold by `endcap.uncertainty.conformal`.

    Graded relevance is divided by `relevance_scale`, the largest event weight, so it lies in
    [0, 1]. `probability` and `expected` (float64 (n,)) are isotonic in the score and interpolated
    linearly between the knots `score` (float64 (n,), ascending). `edges` (float64 (b - 1,)) cut
    the scores into b bands; `half_width[c, b]` is the conformal quantile of
    ``|relevance - expected|`` in band b at ``confidences[c]``. `grades`: the relevances that
    exist, ascending, 0 first. `confidence` is what `interval` uses unless asked otherwise.
    `above` (float64 (grades, n)): the probability of a relevance above each grade, at the knots,
    isotonic in the score; the first row is `probability`. Empty where an earlier release made it.
    """

    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    expected: NDArray[np.float64]
    edges: NDArray[np.float64]
    confidences: NDArray[np.float64]
    half_width: NDArray[np.float64]
    grades: NDArray[np.float64]
    relevance_scale: float
    confidence: float
    above: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def probability_of(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of an interaction within the horizon, never falling in the score.

        At least `expected_of` the same score, because relevance is at most 1.
        """
        return np.interp(scores, self.score, self.probability)

    def probability_of_outcome(
        self, scores: NDArray[np.float64], weight: float
    ) -> NDArray[np.float64]:
        """Return the probability of an event of this weight or a greater one within the horizon.

        Never falls in the score nor rises with the weight. Raises `UserInputError` if the model
        was not trained to tell.
        """
        self.require_outcomes()
        below = int(np.searchsorted(self.grades, weight / self.relevance_scale - _GUARD)) - 1
        above: NDArray[np.float64] = self.above[max(below, 0)]
        return np.interp(scores, self.score, above)

    def require_outcomes(self) -> None:
        """Raise `UserInputError` if the model was not trained to tell outcomes apart."""
        if not len(self.above):
            raise UserInputError("this model was trained before outcomes were told apart")

    def expected_of(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the expected relevance in [0, 1], the point that the interval is around."""
        return np.interp(scores, self.score, self.expected)

    def interval(
        self, scores: NDArray[np.float64], confidence: float | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and upper end of the relevance in [0, 1].

        ``expected - q`` rounded down to a grade that exists, and ``expected + q``, clipped to
        [0, 1], with q of the score's band at the next confidence of the grid at or above the one
        asked for; above the whole grid the interval is [0, 1]. It widens with the confidence and
        contains the expected relevance.

        Raises `UserInputError` unless ``0 < confidence < 1``.
        """
        asked = self.confidence if confidence is None else confidence
        if not 0 < asked < 1:
            raise UserInputError(f"a confidence lies between 0 and 1, and {asked} does not")
        expected = self.expected_of(scores)
        step = int(np.searchsorted(self.confidences, asked - 1e-12))
        if step == len(self.confidences):
            return np.zeros_like(expected), np.ones_like(expected)
        band = np.searchsorted(self.edges, scores, side="right")
        reach = self.half_width[step, band]
        lowest = np.maximum(expected - reach + _GUARD, 0.0)
        grade = self.grades[np.searchsorted(self.grades, lowest, side="right") - 1]
        return np.minimum(grade, expected), np.minimum(expected + reach + _GUARD, 1.0)

    def to_json(self) -> str:
        """Return the calibration as JSON text, every float at full precision."""
        parts = {
            part.name: value.tolist() if isinstance(value, np.ndarray) else value
            for part in fields(self)
            for value in (getattr(self, part.name),)
        }
        return json.dumps(parts, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote. Raises `CorruptArtifactError`."""
        try:
            parts = {"above": [], **json.loads(text)}
            arrays = {
                part.name: np.asarray(parts[part.name], dtype=np.float64)
                for part in fields(cls)
                if part.type is not float
            }
            arrays["above"] = arrays["above"].reshape(-1, len(arrays["score"]))
            return cls(
                **arrays,
                relevance_scale=float(parts["relevance_scale"]),
                confidence=float(parts["confidence"]),
            )
        except (ValueError, TypeError, AttributeError, KeyError) as exc:
            raise CorruptArtifactError("the calibration is unreadable") from exc
