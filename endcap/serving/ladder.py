"""What fills a slate that the retrieved candidates leave short, rung by rung.

session      what others looked at after what this visitor did, much wider than retrieval goes
category     the most popular items of the visitor's newest categories, then of their trees
trending     what the shop's visitors wanted lately
popularity   what they always wanted
catalogue    the rest, by item code
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.retrieval.covisitation import CovisitationSource
from endcap.retrieval.popularity import PopularitySource
from endcap.serving.model import ServingModel
from endcap.serving.slates import CATALOGUE
from endcap.serving.trending import LATELY_DAYS

SESSION: Final = "session"
CATEGORY: Final = "category"
TRENDING: Final = "trending"
POPULARITY: Final = PopularitySource.name
RUNGS: Final = (SESSION, CATEGORY, TRENDING, POPULARITY, CATALOGUE)
IMPERSONAL: Final = frozenset({TRENDING, POPULARITY, CATALOGUE})
"""The sources that know nothing of the visitor."""

WIDER: Final = 10
"""How many times as many neighbours the first rung asks for as retrieval does."""
NEWEST_CATEGORIES: Final = 3
_FIRST_LOOK: Final = 256


class Fill(NamedTuple):
    """Items that complete one visitor's slate, int32 (m,), and the rung of each, int8 (m,)."""

    item: NDArray[np.int32]
    rung: NDArray[np.int8]


def climb(
    model: ServingModel,
    history: Histories,
    take: Callable[[NDArray[np.int32]], NDArray[np.int32]],
    wanted: int,
) -> Fill:
    """Return up to `wanted` items for the one visitor of `history`.

    `take` is shown each rung's items, best first, in portions, and returns those of them that the
    visitor may still be given, in order; it remembers what it gave. Fewer come back only where the
    catalogue has no more.
    """
    items: list[NDArray[np.int32]] = []
    rungs: list[int] = []
    for rung, offer in _rungs(model, history):
        for portion in _portions(offer):
            found = take(portion)[: wanted - len(rungs)]
            items.append(found)
            rungs += [rung] * len(found)
            if len(rungs) == wanted:
                return Fill(np.concatenate(items), np.asarray(rungs, dtype=np.int8))
    return Fill(np.concatenate(items).astype(np.int32), np.asarray(rungs, dtype=np.int8))


def _rungs(model: ServingModel, history: Histories) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Yield each rung's items, computed only when the rung is reached."""
    source = model.sources.get(CovisitationSource.name)
    if source is not None:
        wide = WIDER * model.config.retrieval.candidates_per_source
        yield RUNGS.index(SESSION), source.propose(history, wide).item
    for offer in _by_category(model, history):
        yield RUNGS.index(CATEGORY), offer
    yield RUNGS.index(TRENDING), model.board(LATELY_DAYS).item
    yield RUNGS.index(POPULARITY), model.popular.item
    yield RUNGS.index(CATALOGUE), model.fill_order


def _by_category(model: ServingModel, history: Histories) -> Iterator[NDArray[np.int32]]:
    newest = history.item[::-1]
    known = newest[(newest >= 0) & (newest < model.n_items)]
    for codes, shelves in (
        (model.items.category, model.by_category),
        (model.items.root, model.by_root),
    ):
        for category in list(dict.fromkeys(codes[known].tolist()))[:NEWEST_CATEGORIES]:
            if category >= 0:
                yield shelves.items_of(category)


def _portions(offer: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield a rung in growing portions: as a rule the first is enough; it may be millions long."""
    start, width = 0, _FIRST_LOOK
    while start < len(offer):
        yield offer[start : start + width]
        start, width = start + width, 4 * width
