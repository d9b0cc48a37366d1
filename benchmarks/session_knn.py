"""Session-kNN to be held against: STAN's three decays, VSTAN's rare-item weight, tuned on a grid.

A query weighs its items by position, finds the training sessions that share them (each item asks
its newest `sample` sessions), weighs a session by overlap and age, and lets the `neighbours` best
vote for their items, an item less the further it stands from the newest shared one.

References
----------
Garg et al.: Sequence and time aware neighborhood for session-based recommendations, STAN (2019).
Ludewig et al.: Empirical analysis of session-based recommendation algorithms, VSTAN (2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.view_sessions import Prefixes, Session

QUERY_ITEMS: Final = 20
K: Final = 20


@dataclass(frozen=True)
class KnnParams:
    """Decays are e-folding lengths: `position` and `distance` in steps, `age` in training spans."""

    neighbours: int = 500
    sample: int = 2500
    position: float = 1.0
    age: float = 0.3
    distance: float = 2.0
    rare_items: bool = True


GRID: Final[dict[str, tuple[Any, ...]]] = {
    "position": (0.5, 1.0, 2.0, 4.0),
    "distance": (1.0, 2.0, 4.0, 8.0),
    "age": (0.1, 0.3, 1.0),
    "neighbours": (100, 500, 1500),
    "rare_items": (False, True),
}
"""Searched one setting after the other, twice round."""


@dataclass(frozen=True)
class SessionKnn:
    """Training sessions in compressed sparse row form, and each item's sessions, newest first."""

    ptr: NDArray[np.int64]
    item: NDArray[np.int64]
    item_ptr: NDArray[np.int64]
    item_session: NDArray[np.int64]
    rarity: NDArray[np.float64]

    @classmethod
    def fit(cls, sessions: Sequence[Session]) -> Self:
        """Index the sessions, oldest first."""
        sizes = np.array([len(session) for session in sessions])
        ptr = np.concatenate([[0], np.cumsum(sizes)])
        item = np.concatenate(list(sessions))
        n_items = int(item.max()) + 1
        pair = np.unique(item * len(sessions) + np.repeat(np.arange(len(sessions)), sizes)[:])
        owner, session = np.divmod(pair, len(sessions))
        newest_first = np.lexsort((-session, owner))
        count = np.bincount(owner, minlength=n_items)
        return cls(
            ptr=ptr,
            item=item,
            item_ptr=np.concatenate([[0], np.cumsum(count)]),
            item_session=session[newest_first],
            rarity=np.log(len(sessions) / np.maximum(count, 1)),
        )

    def rank_of(self, prefix: Session, target: int, params: KnnParams) -> int:
        """Return the place of the target in the whole list, from 1; 0 if it is not there."""
        item, score = self.scores(prefix, params)
        own = np.flatnonzero(item == target)
        if not len(own):
            return 0
        better = (score > score[own[0]]) | ((score == score[own[0]]) & (item < target))
        return int(np.count_nonzero(better)) + 1

    def scores(
        self, prefix: Session, params: KnnParams
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the items that the neighbours vote for, ascending, and their scores."""
        n_items = len(self.rarity)
        newest_first = prefix[::-1][:QUERY_ITEMS]
        asked, back = np.unique(newest_first[newest_first < n_items], return_index=True)
        weight = np.exp(-back / params.position)
        start = self.item_ptr[asked]
        size = np.minimum(self.item_ptr[asked + 1] - start, params.sample)
        owner = np.repeat(np.arange(len(asked)), size)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        found, inverse = np.unique(self.item_session[start[owner] + place], return_inverse=True)
        overlap = np.bincount(inverse, weights=weight[owner], minlength=len(found))
        length = self.ptr[found + 1] - self.ptr[found]
        n_sessions = len(self.ptr) - 1
        similarity = overlap / np.sqrt(length)
        similarity *= np.exp(-(n_sessions - found) / (params.age * n_sessions))
        best = np.sort(np.argsort(-similarity, kind="stable")[: params.neighbours])
        return self._votes(found[best], similarity[best], asked, back, params)

    def _votes(
        self,
        session: NDArray[np.int64],
        similarity: NDArray[np.float64],
        asked: NDArray[np.int64],
        back: NDArray[np.int64],
        params: KnnParams,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        start = self.ptr[session]
        size = self.ptr[session + 1] - start
        owner = np.repeat(np.arange(len(session)), size)
        step = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        item = self.item[start[owner] + step]
        # The newest shared item's last position in the neighbour; ages break the tie by position.
        at = np.minimum(np.searchsorted(asked, item), max(len(asked) - 1, 0))
        shared = asked[at] == item if len(asked) else np.zeros(len(item), dtype=bool)
        newness = np.where(shared, -back[at] * 1e4 + step, -np.inf) if len(asked) else item * 0.0
        best = np.full(len(session), -np.inf)
        np.maximum.at(best, owner, newness)
        meeting = np.zeros(len(session), dtype=np.int64)
        here = shared & (newness == best[owner])
        meeting[owner[here]] = step[here]
        vote = similarity[owner] * np.exp(-np.abs(step - meeting[owner]) / params.distance)
        if params.rare_items:
            vote = vote * self.rarity[item]
        voted, inverse = np.unique(item, return_inverse=True)
        votes = np.bincount(inverse, weights=vote, minlength=len(voted))
        return voted, votes.astype(np.float64, copy=False)


def ranks(knn: SessionKnn, asked: Prefixes, params: KnnParams) -> NDArray[np.int64]:
    """Return each target's place, from 1; 0 if it is not in the list."""
    return np.array(
        [
            knn.rank_of(asked.items(query), int(asked.target[query]), params)
            for query in range(len(asked))
        ],
        dtype=np.int64,
    )


def tune(knn: SessionKnn, asked: Prefixes) -> KnnParams:
    """Return the parameters with the largest HR@20 + MRR@20 on `asked`, found by coordinates."""
    best, params = -1.0, KnnParams()
    tried: set[KnnParams] = set()
    for _ in range(2):
        for name, values in GRID.items():
            for value in values:
                candidate = replace(params, **{name: value})
                if candidate in tried:
                    continue
                tried.add(candidate)
                place = ranks(knn, asked, candidate)
                hit = (place > 0) & (place <= K)
                score = float(np.mean(hit) + np.mean(hit / np.maximum(place, 1)))
                if score > best:
                    best, params = score, candidate
    return params
