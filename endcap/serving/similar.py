"""Items like an item: what ALS, co-visitation and the category say, blended by rank."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.retrieval.als import AlsSource
from endcap.retrieval.covisitation import CovisitationSource
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals
from endcap.serving.filters import ItemFilter
from endcap.serving.ladder import CATEGORY, RUNGS, climb
from endcap.serving.model import ServingModel

DEPTH: Final = 200
"""How many items each source names."""
RANK_OFFSET: Final = 60
"""Of reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009."""


@dataclass(frozen=True)
class SimilarItem:
    """An item like another. `score` orders; `source` is the one that ranked the item best."""

    item_code: int
    score: float
    source: str


def similar_items(
    model: ServingModel,
    item: int,
    *,
    k: int,
    filters: ItemFilter = ItemFilter(),  # noqa: B008 -- frozen, as a value
    exclude: frozenset[int] = frozenset(),
) -> list[SimilarItem]:
    """Return up to `k` items like the item of this code, most alike first.

    An item scores the sum over the sources of ``1 / (RANK_OFFSET + rank)``; ties by item code.
    Neither the item itself nor what `filters` and `exclude` forbid comes back. Where the sources
    know too few, `endcap.serving.ladder` fills the list with score 0, as for a visitor who
    touched this item alone; fewer than `k` come back only where the catalogue has no more.
    """
    forbidden = np.asarray(sorted({item, *exclude}), dtype=np.int32)

    def allowed(offer: NDArray[np.int32]) -> NDArray[np.int32]:
        kept = offer[filters.allows(offer, model.items)]
        return kept[~np.isin(kept, forbidden)]

    blended = _blend({name: allowed(offer)[:DEPTH] for name, offer in _offers(model, item)})[:k]
    taken = {one.item_code for one in blended}

    def take(offer: NDArray[np.int32]) -> NDArray[np.int32]:
        fresh = [code for code in allowed(offer).tolist() if code not in taken]
        taken.update(fresh)
        return np.asarray(fresh, dtype=np.int32)

    if len(blended) == k:
        return blended
    found = climb(model, Histories.of_one_event(item, 0), take, k - len(blended))
    rest = zip(found.item.tolist(), found.rung.tolist(), strict=True)
    return [*blended, *(SimilarItem(code, 0.0, RUNGS[rung]) for code, rung in rest)]


def _offers(model: ServingModel, item: int) -> Iterator[tuple[str, NDArray[np.int32]]]:
    """Yield each source's items, best first."""
    als = model.sources.get(AlsSource.name)
    if isinstance(als, AlsSource):
        code, cosine = als.similar(item)
        nobody = np.zeros(len(code), dtype=np.int64)
        yield AlsSource.name, best_first(nobody, code, cosine, n_rows=1, k=len(code)).item
    covisitation = model.sources.get(CovisitationSource.name)
    if covisitation is not None:
        near: Proposals = covisitation.propose(Histories.of_one_event(item, 0), model.n_items)
        yield CovisitationSource.name, near.item
    category = int(model.items.category[item])
    if category >= 0:
        yield CATEGORY, model.by_category.items_of(category)


def _blend(offers: dict[str, NDArray[np.int32]]) -> list[SimilarItem]:
    scores: dict[int, float] = {}
    best: dict[int, tuple[int, str]] = {}
    for name, offer in offers.items():
        for rank, code in enumerate(offer.tolist(), start=1):
            scores[code] = scores.get(code, 0.0) + 1 / (RANK_OFFSET + rank)
            if code not in best or rank < best[code][0]:
                best[code] = (rank, name)
    order = sorted(scores, key=lambda code: (-scores[code], code))
    return [SimilarItem(code, scores[code], best[code][1]) for code in order]
