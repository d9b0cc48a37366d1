"""Scores whose relation to relevance is known, for the tests of this room."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRADES = np.array([0.0, 1.0, 2.0, 3.0], dtype=np.float32)


@dataclass(frozen=True)
class Scored:
    """Candidates with their true probability of an interaction."""

    scores: NDArray[np.float64]
    relevance: NDArray[np.float32]
    groups: NDArray[np.int32]
    truth: NDArray[np.float64]


def scored_shop(*, queries: int = 600, candidates: int = 60, seed: int = 0) -> Scored:
    """Return mostly hopeless candidates: P(interaction) is the logistic of twice the score.

    An interaction is a view, a cart or a purchase in 7 of 10, 2 of 10 and 1 of 10 cases.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(loc=-2.0, size=queries * candidates)
    truth = 1 / (1 + np.exp(-2 * scores))
    kind = rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1], size=len(scores))
    relevance = np.where(rng.random(len(scores)) < truth, GRADES[kind], 0).astype(np.float32)
    groups = np.repeat(np.arange(queries, dtype=np.int32), candidates)
    return Scored(scores, relevance, groups, truth)
