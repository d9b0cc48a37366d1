"""How well a ranker puts the next item first at moments later than all that it learned from.

Every candidate of a moment is ranked, none is left out: what is measured is what would be served.
A next item that retrieval did not propose is a miss.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.queries import Queries
from endcap.features.item_table import ItemTable
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.scoring import score_candidates
from endcap.ranking.table import label_candidates
from endcap.retrieval.union import Candidates

CUTOFF: Final = 20


@dataclass(frozen=True)
class LaterSlice:
    """n moments with all that was proposed for them, and what it takes to score it."""

    queries: Queries
    candidates: Candidates
    items: ItemTable
    features: FeatureConfig
    event_weights: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of moments."""
        return len(self.queries)

    def measure(self, scorer: TreeScorer) -> "NextItem":
        """Return how well the trees rank the candidates."""
        scores = score_candidates(
            scorer,
            self.queries.histories,
            self.candidates,
            self.items,
            self.features,
            self.event_weights,
        )
        first = label_candidates(self.queries, self.candidates).first
        return NextItem(place_of_next(self.candidates, first, scores))


@dataclass(frozen=True)
class NextItem:
    """Where the next item of each moment came, from 1; infinite if it was not proposed."""

    place: NDArray[np.float64]

    def hits(self) -> NDArray[np.float64]:
        """Return 1 for each moment whose next item is among the first `CUTOFF`, float64 (n,)."""
        return (self.place <= CUTOFF).astype(np.float64)

    def reciprocal(self) -> NDArray[np.float64]:
        """Return ``1 / place``, 0 past the first `CUTOFF`, float64 (n,)."""
        return self.hits() / self.place

    def ndcg(self) -> NDArray[np.float64]:
        """Return ``1 / log2(place + 1)``, 0 past the first `CUTOFF`, float64 (n,)."""
        return self.hits() / np.log2(self.place + 1)


def place_of_next(
    candidates: Candidates, first: NDArray[np.bool_], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the place of each visitor's next item by score, from 1, float64 (n,).

    `first` bool (m,): is the candidate the next item. Infinite for a visitor without one. Ties go
    by item code, as `endcap.ranking.scoring.rank_candidates` has them.
    """
    row = candidates.rows()
    order = np.lexsort((candidates.item, -scores, row))
    place = np.empty(len(order))
    place[order] = np.arange(1, len(order) + 1) - candidates.ptr[row]
    found = np.full(len(candidates), np.inf)
    found[row[first]] = place[first]
    return found
