"""What one visitor may still be given while a slate is being filled."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.union import SOURCES
from endcap.serving.model import ServingModel
from endcap.serving.rules import Rules


class Taking:
    """Remembers what a visitor has, and gives nothing twice and nothing that is not allowed."""

    def __init__(
        self, rules: Rules, visitor: int, own: NDArray[np.int32], most: int | None
    ) -> None:
        """`own`: the items the slate has already; `most`: how many of a category it may hold."""
        self._rules = rules
        self._visitor = visitor
        self._category = rules.model.items.category
        self._most = most
        self._taken = set(own.tolist())
        self._held = Counter(self._category[own].tolist())

    def take(self, offer: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return those of `offer`, int32 (m,), that the visitor may be given, in order."""
        allowed = offer[self._rules.allows(self._visitor, offer)]
        found = [item for item in allowed.tolist() if self._takes(item)]
        return np.asarray(found, dtype=np.int32)

    def _takes(self, item: int) -> bool:
        category = int(self._category[item])
        full = self._most is not None and category >= 0 and self._held[category] >= self._most
        if item in self._taken or full:
            return False
        self._taken.add(item)
        self._held[category] += 1
        return True


def popularity_columns(
    item: NDArray[np.int32], model: ServingModel
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the score and rank columns of items that no source proposed, float32 (m, sources).

    NaN for all sources but popularity, which knows its own of the whole catalogue.
    """
    scores = np.full((len(item), len(SOURCES)), np.nan, dtype=np.float32)
    ranks = np.full_like(scores, np.nan)
    if PopularitySource.name in model.sources:
        place = model.fill_place[item]
        popular = place < len(model.popular.item)
        column = list(SOURCES).index(PopularitySource.name)
        scores[popular, column] = model.popular.score[place[popular]]
        ranks[popular, column] = place[popular] + 1
    return scores, ranks
