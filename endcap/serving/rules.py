"""Which candidates are allowed, and what fills a slate that they leave short."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.union import SOURCES, Candidates
from endcap.serving.model import ServingModel
from endcap.serving.slates import SlateRequest


@dataclass(frozen=True)
class Forbidden:
    """Items that n visitors must not be shown.

    `keys`: ``visitor * n_items + item`` of each, ascending. `everywhere`: codes of items that
    nobody may be shown, ascending.
    """

    keys: NDArray[np.int64]
    everywhere: NDArray[np.int32]
    n_items: int

    @classmethod
    def by(cls, histories: Histories, request: SlateRequest, n_items: int) -> "Forbidden":
        """Return what the request forbids to each visitor."""
        excluded = np.asarray(sorted(request.exclude), dtype=np.int32)
        keys = np.zeros(0, dtype=np.int64)
        if not request.include_seen:
            known = (histories.item >= 0) & (histories.item < n_items)
            keys = np.unique(histories.rows()[known] * n_items + histories.item[known])
        return cls(keys, excluded, n_items)

    def allows(
        self, visitor: NDArray[np.int64] | int, item: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Return whether each item may be shown to its visitor, bool (m,)."""
        allowed = np.ones(len(item), dtype=bool)
        for forbidden, asked in (
            (self.keys, visitor * np.int64(self.n_items) + item),
            (self.everywhere, item),
        ):
            if len(forbidden):
                place = np.minimum(np.searchsorted(forbidden, asked), len(forbidden) - 1)
                allowed &= forbidden[place] != asked
        return allowed


def keep_allowed(candidates: Candidates, forbidden: Forbidden) -> Candidates:
    """Return the candidates that are allowed."""
    visitor = candidates.rows()
    allowed = forbidden.allows(visitor, candidates.item)
    return _candidates(
        np.bincount(visitor[allowed], minlength=len(candidates)),
        candidates.item[allowed],
        candidates.scores[allowed],
        candidates.ranks[allowed],
    )


def fill(
    candidates: Candidates, forbidden: Forbidden, model: ServingModel, k: int
) -> tuple[Candidates, NDArray[np.bool_]]:
    """Return candidates with `k` a visitor wherever the catalogue allows, and which were added.

    `candidates` are allowed ones only. What is missing comes from the most popular allowed items,
    then from the rest of the catalogue by item code. Added rows stand at the end of their
    visitor's candidates and carry the popularity source's own score and rank.
    """
    short = np.flatnonzero(np.diff(candidates.ptr) < min(k, model.n_items))
    if len(short) == 0:
        return candidates, np.zeros(len(candidates.item), dtype=bool)
    added = [_missing(int(visitor), candidates, forbidden, model, k) for visitor in short]
    place = np.concatenate(added)
    visitor = np.concatenate(
        [candidates.rows(), np.repeat(short, [len(places) for places in added])]
    )
    order = np.argsort(visitor, kind="stable")
    scores, ranks = _popularity_columns(place, model)
    return (
        _candidates(
            np.bincount(visitor, minlength=len(candidates)),
            np.concatenate([candidates.item, model.fill_order[place]])[order],
            np.concatenate([candidates.scores, scores])[order],
            np.concatenate([candidates.ranks, ranks])[order],
        ),
        order >= len(candidates.item),
    )


def _missing(
    visitor: int, candidates: Candidates, forbidden: Forbidden, model: ServingModel, k: int
) -> NDArray[np.int64]:
    """Return the places in the fill order of the items that bring a visitor to `k`."""
    own = candidates.item[candidates.ptr[visitor] : candidates.ptr[visitor + 1]]
    wanted, start, found = k - len(own), 0, np.zeros(0, dtype=np.int64)
    # As a rule the first few hundred popular items are enough; the catalogue may have millions.
    width = 2 * (k + len(own))
    while len(found) < wanted and start < model.n_items:
        items = model.fill_order[start : start + width]
        free = forbidden.allows(visitor, items) & ~np.isin(items, own)
        found = np.concatenate([found, start + np.flatnonzero(free)])
        start, width = start + width, 4 * width
    return found[:wanted]


def _popularity_columns(
    place: NDArray[np.int64], model: ServingModel
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the score and rank columns of added rows, NaN for all but popularity."""
    scores = np.full((len(place), len(SOURCES)), np.nan, dtype=np.float32)
    ranks = np.full_like(scores, np.nan)
    column = list(SOURCES).index(PopularitySource.name)
    popular = place < len(model.popular.item)
    scores[popular, column] = model.popular.score[place[popular]]
    ranks[popular, column] = place[popular] + 1
    return scores, ranks


def _candidates(
    counts: NDArray[np.int64],
    item: NDArray[np.int32],
    scores: NDArray[np.float32],
    ranks: NDArray[np.float32],
) -> Candidates:
    ptr = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ptr[1:])
    return Candidates(ptr=ptr, item=item, scores=scores, ranks=ranks)
