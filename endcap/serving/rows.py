"""Scored items on their way to slates, and the slates they become."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.retrieval.union import SOURCES
from endcap.serving.ladder import RUNGS
from endcap.serving.model import ServingModel
from endcap.serving.slates import CATALOGUE, Slate, SlateItem, SlateRequest

SOURCE_NAMES: Final = tuple(dict.fromkeys((*SOURCES, *RUNGS)))
"""Who may stand behind an item, by the code that `Rows.source` holds."""
RUNG_SOURCE: Final = np.asarray([SOURCE_NAMES.index(rung) for rung in RUNGS], dtype=np.int64)
"""The code of each rung."""


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Rows of slates, best first within a visitor, all arrays of one length.

    `score` orders; `plain`, the same without boosts, is what probability and interval are of.
    """

    visitor: NDArray[np.int64]
    item: NDArray[np.int32]
    score: NDArray[np.float64]
    plain: NDArray[np.float64]
    source: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """Return the rows of all parts, visitor by visitor, of a visitor in the parts' order."""
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate([part.visitor for part in parts]), kind="stable")
        return cls(
            **{
                column.name: np.concatenate([getattr(part, column.name) for part in parts])[order]
                for column in fields(cls)
            }
        )


def to_slates(
    model: ServingModel, rows: Rows, n_visitors: int, request: SlateRequest
) -> list[Slate]:
    """Return one slate a visitor, with probabilities and intervals."""
    # An item that only fills a place never outscores one that was retrieved.
    score = _never_rising(rows.score, rows.visitor)
    plain = rows.plain if request.boosts else score
    lower, upper = model.calibration.interval(plain, request.confidence)
    items = list(
        map(
            SlateItem,
            rows.item.tolist(),
            score.tolist(),
            _probability(model, plain, request.outcome).tolist(),
            lower.tolist(),
            upper.tolist(),
            [SOURCE_NAMES[code] for code in rows.source.tolist()],
        )
    )
    ends = np.searchsorted(rows.visitor, np.arange(n_visitors + 1)).tolist()
    return [Slate(tuple(items[low:high])) for low, high in pairwise(ends)]


def _probability(
    model: ServingModel, plain: NDArray[np.float64], outcome: float | None
) -> NDArray[np.float64]:
    if outcome is None:
        return model.calibration.probability_of(plain)
    return model.calibration.probability_of_outcome(plain, outcome)


def _never_rising(scores: NDArray[np.float64], visitor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores, each lowered to the lowest before it in its visitor's slate."""
    if np.all((scores[1:] <= scores[:-1]) | (visitor[1:] != visitor[:-1])):
        return scores
    starts = np.flatnonzero(np.diff(visitor, prepend=-1))
    return np.concatenate([np.minimum.accumulate(part) for part in np.split(scores, starts[1:])])


def source_codes(ranks: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the source of each row's best rank, the first of equals; the catalogue's for none."""
    missing = np.isnan(ranks)
    best: NDArray[np.int64] = np.argmin(np.where(missing, np.inf, ranks), axis=1)
    best[missing.all(axis=1)] = SOURCE_NAMES.index(CATALOGUE)
    return best
