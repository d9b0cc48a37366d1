"""What the full stack must be held against: each alone, fitted before the same cut.

A baseline answers with its own list, not filled up from another one: what it does not know is a
miss. The candidate sources are the very ones that the full stack retrieves with.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from endcap.dataset.histories import Histories
from endcap.evaluation.recommendations import Recommendations, from_ragged
from endcap.retrieval.source import Proposals

POPULARITY: Final = "popularity"
ITEM_KNN: Final = "item_knn"
SOURCE_BASELINES: Final[Mapping[str, str]] = {
    "popularity": POPULARITY,
    "own": "own_items",
    "covisitation": "covisitation",
    "als": "als",
}
"""Candidate source -> the name of the baseline that it is when it stands alone."""


class Proposer(Protocol):
    """Anything that answers histories with ranked items."""

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` items a history, best first."""


def recommend_alone(proposer: Proposer, histories: Histories, *, width: int) -> Recommendations:
    """Return the lists of one proposer, up to `width` long."""
    proposals = proposer.propose(histories, width)
    return from_ragged(proposals.ptr, proposals.item, width=width)


def recommend_baselines(
    sources: Mapping[str, Proposer],
    histories: Histories,
    *,
    width: int,
    item_knn: Proposer | None = None,
) -> dict[str, Recommendations]:
    """Return the lists of every baseline, in the order in which a scoreboard shows them.

    Parameters
    ----------
    sources
        Candidate sources by name, fitted before the cut (`retrieval.union.load_sources`). A source
        without an own entry in `SOURCE_BASELINES` keeps its name.
    item_knn
        `item_knn.ItemKnn` fitted before the same cut; left out if None.
    width
        `recommendations.list_length` of the histories and cut-offs.
    """
    order = [*SOURCE_BASELINES, *(name for name in sources if name not in SOURCE_BASELINES)]
    lists = {
        SOURCE_BASELINES.get(name, name): recommend_alone(sources[name], histories, width=width)
        for name in order
        if name in sources
    }
    if item_knn is not None:
        lists[ITEM_KNN] = recommend_alone(item_knn, histories, width=width)
    return lists
