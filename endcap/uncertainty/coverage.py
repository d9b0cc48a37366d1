"""How often the intervals hold, and the probabilities come true, on unseen queries."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.uncertainty.calibration import Calibration


@dataclass(frozen=True)
class Coverage:
    """One slice of unseen candidates.

    `coverage`: share of rows whose relevance lies in its interval; `low` and `high`: its 95 %
    bootstrap interval over queries, whose rows depend on each other; `mean_width` of the
    intervals. `mean_probability` should meet `observed_share`, the share of rows interacted with.
    An empty slice has NaN throughout.
    """

    name: str
    confidence: float
    queries: int
    rows: int
    coverage: float
    low: float
    high: float
    mean_width: float
    mean_probability: float
    observed_share: float


def measure_coverage(
    calibration: Calibration,
    scores: NDArray[np.float64],
    relevance: NDArray[np.float32],
    groups: NDArray[np.int64] | NDArray[np.int32],
    *,
    rng: np.random.Generator,
    confidence: float | None = None,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
    samples: int = 1000,
) -> tuple[Coverage, ...]:
    """Return the coverage of all rows and of each slice.

    `scores`, `relevance` (event weights), `groups` (non-decreasing): as in `calibrate`, (m,), from
    queries the calibration has not seen. `slices`: name -> mask over the rows. `rng` draws the
    `samples` bootstrap samples.
    """
    asked = calibration.confidence if confidence is None else confidence
    lower, upper = calibration.interval(scores, asked)
    graded = np.clip(np.asarray(relevance, dtype=np.float64) / calibration.relevance_scale, 0, 1)
    columns = np.stack(
        [
            (lower <= graded) & (graded <= upper),
            upper - lower,
            calibration.probability_of(scores),
            graded > 0,
        ]
    ).astype(np.float64)
    masks = {"all": np.ones(len(scores), dtype=bool), **(slices or {})}
    return tuple(
        _describe(name, asked, columns[:, mask], groups[mask], rng, samples)
        for name, mask in masks.items()
    )


def top_rows(
    scores: NDArray[np.float64], groups: NDArray[np.int64] | NDArray[np.int32], k: int
) -> NDArray[np.bool_]:
    """Return the mask of each group's `k` best scores: the slice that a visitor is shown.

    Ties are broken by the order of the rows.
    """
    order = np.lexsort((-scores, groups))
    ordered = groups[order]
    place = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    mask = np.zeros(len(groups), dtype=bool)
    mask[order[place < k]] = True
    return mask


def _describe(
    name: str,
    confidence: float,
    columns: NDArray[np.float64],
    groups: NDArray[np.int64] | NDArray[np.int32],
    rng: np.random.Generator,
    samples: int,
) -> Coverage:
    rows = columns.shape[1]
    if rows == 0:
        return Coverage(name, confidence, 0, 0, *[float("nan")] * 6)
    starts = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
    held = np.add.reduceat(columns[0], starts)
    size = np.diff(starts, append=rows)
    drawn = [rng.integers(0, len(starts), len(starts)) for _ in range(samples)]
    low, high = np.quantile([held[d].sum() / size[d].sum() for d in drawn], [0.025, 0.975])
    covered, width, probability, observed = (float(mean) for mean in columns.mean(axis=1))
    return Coverage(
        name,
        confidence,
        len(starts),
        rows,
        covered,
        float(low),
        float(high),
        width,
        probability,
        observed,
    )
