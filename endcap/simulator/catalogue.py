"""Items: where they stand, how popular and how good they are, and which are alike.

Items are numbered by (category in depth-first order, niche), so that the items of a niche, of a
category and of a whole subtree are ranges, and one cumulative weight array samples from any.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.category_tree import CategoryTree
from endcap.simulator.scales import DAY_MS, Scale

FACTORS: Final = 8
"""Dimensions of taste."""
SIMILAR: Final = 8
"""Similar items that an item has at most."""
NEVER_MS: Final = np.iinfo(np.int64).max
_NICHE_ITEMS: Final = 15
_RING_OFFSETS: Final = (1, -1, 2, -2, 3, -3, 4, -4)
_RING_DECAY: Final = (1.0, 1.0, 0.6, 0.6, 0.35, 0.35, 0.2, 0.2)
_LATE_SHARE: Final = 0.15
_LEAVING_SHARE: Final = 0.08


@dataclass(frozen=True)
class Catalogue:
    """Everything fixed about the items; all arrays have one row an item unless said otherwise.

    `category`, `niche`: indices; `weight`: popularity, 0 for what is never looked at; `quality`:
    standard normal; `base_price` and `category_price`: the item's and its category's level;
    `sale_from_ms`, `sale_to_ms`: life on the shelf; `substitute`: who is taken instead outside it;
    `cumulative`: float64[n + 1] of the weights; `niche_start`: int64[niches + 1];
    `niche_factors`: float32[niches, FACTORS]; `category_start`: int64[categories + 1];
    `similar` int32 and `similar_cumulative` float32 [n, SIMILAR]: the transition table.
    """

    tree: CategoryTree
    ids: NDArray[np.int64]
    category: NDArray[np.int64]
    niche: NDArray[np.int64]
    weight: NDArray[np.float64]
    quality: NDArray[np.float64]
    base_price: NDArray[np.float64]
    category_price: NDArray[np.float64]
    sale_from_ms: NDArray[np.int64]
    sale_to_ms: NDArray[np.int64]
    substitute: NDArray[np.int64]
    cumulative: NDArray[np.float64]
    niche_start: NDArray[np.int64]
    niche_factors: NDArray[np.float32]
    category_start: NDArray[np.int64]
    similar: NDArray[np.int32]
    similar_cumulative: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def draw(
        self, start: NDArray[np.int64], stop: NDArray[np.int64], u: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return items of the ranges [start, stop) by popularity; -1 where a range has none.

        `u`: uniform numbers in [0, 1), one a draw.
        """
        low, high = self.cumulative[start], self.cumulative[stop]
        at = np.searchsorted(self.cumulative, low + u * (high - low), side="right") - 1
        return np.where(high > low, np.clip(at, start, stop - 1), -1)


def stock_catalogue(tree: CategoryTree, scale: Scale, rng: np.random.Generator) -> Catalogue:
    """Return a catalogue of ``scale.property_items`` items over the leaves of `tree`."""
    n = scale.property_items
    category = _shelve(tree, n, rng)
    category_start = np.searchsorted(category, np.arange(len(tree.ids) + 1))
    niche, niche_start = _niches(category_start, rng)
    weight = _popularity(niche, niche_start, scale.active_items, rng)
    category_level = rng.normal(10.78, 1.2, len(tree.ids))
    base_price = np.exp(category_level[category] + rng.normal(0, 0.65, n))
    sale_from, sale_to, substitute = _lives(weight, scale, rng)
    similar, similar_cumulative = _similar_items(niche, niche_start, weight)
    return Catalogue(
        tree=tree,
        ids=rng.choice(round(n * 1.12), n, replace=False).astype(np.int64),
        category=category,
        niche=niche,
        weight=weight,
        quality=rng.normal(size=n),
        base_price=base_price,
        category_price=np.exp(category_level)[category],
        sale_from_ms=sale_from,
        sale_to_ms=sale_to,
        substitute=substitute,
        cumulative=np.concatenate([[0.0], np.cumsum(weight)]),
        niche_start=niche_start,
        niche_factors=_niche_factors(tree, category[niche_start[:-1]], rng),
        category_start=category_start,
        similar=similar,
        similar_cumulative=similar_cumulative,
    )


def _shelve(tree: CategoryTree, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    leaves = tree.leaves
    shares = rng.gamma(0.8, size=len(leaves)) + 0.05
    return np.sort(rng.choice(leaves, n, p=shares / shares.sum())).astype(np.int64)


def _niches(
    category_start: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    sizes = np.diff(category_start)
    per_category = np.where(sizes > 0, np.maximum(1, np.round(sizes / _NICHE_ITEMS)), 0)
    offset = np.concatenate([[0], np.cumsum(per_category)[:-1]])
    category = np.repeat(np.arange(len(sizes)), sizes)
    within = np.floor(rng.random(len(category)) * per_category[category])
    raw = np.sort(offset[category] + within)
    niche = np.cumsum(np.diff(raw, prepend=raw[0]) > 0)
    return niche.astype(np.int64), np.searchsorted(niche, np.arange(niche[-1] + 2))


def _popularity(
    niche: NDArray[np.int64], niche_start: NDArray[np.int64], active: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Log-normal over niches and items: the top tenth of the items gets half of the views."""
    n = len(niche)
    weight = np.exp(rng.normal(0, 0.7, len(niche_start) - 1)[niche] + rng.normal(0, 1.15, n))
    weight[rng.choice(n, n - active, replace=False)] = 0.0
    return weight


def _lives(
    weight: NDArray[np.float64], scale: Scale, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Let some items arrive late and some leave; an evergreen close by is their substitute."""
    n, days = len(weight), scale.days
    fate, moment = rng.random(n), rng.random(n)
    late, leaving = fate < _LATE_SHARE, fate > 1 - _LEAVING_SHARE
    day = (np.floor((0.1 + 0.8 * moment) * days) * DAY_MS).astype(np.int64)
    sale_from = np.where(late, scale.start_ms + day, scale.start_ms)
    sale_to = np.where(leaving, scale.start_ms + day, NEVER_MS)
    evergreen = np.flatnonzero(~late & ~leaving & (weight > 0))
    after = np.searchsorted(evergreen, np.arange(n))
    return sale_from, sale_to, evergreen[np.minimum(after, len(evergreen) - 1)]


def _similar_items(
    niche: NDArray[np.int64], niche_start: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours on the niche's ring, likelier the nearer and the more popular they are."""
    item = np.arange(len(niche))
    start = niche_start[niche]
    size = niche_start[niche + 1] - start
    similar = np.empty((len(niche), SIMILAR), dtype=np.int32)
    mass = np.empty((len(niche), SIMILAR))
    for column, (offset, decay) in enumerate(zip(_RING_OFFSETS, _RING_DECAY, strict=True)):
        neighbour = start + (item - start + offset) % size
        distinct = column < size - 1
        similar[:, column] = np.where(distinct, neighbour, item)
        mass[:, column] = np.where(distinct, decay * np.sqrt(weight[neighbour]), 0.0)
    alone = mass.sum(axis=1) == 0
    similar[alone], mass[alone] = item[alone, None], 1.0
    cumulative = np.cumsum(mass, axis=1)
    return similar, (cumulative / cumulative[:, -1:]).astype(np.float32)


def _niche_factors(
    tree: CategoryTree, niche_category: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    by_category = rng.normal(size=(len(tree.ids), FACTORS))
    own = rng.normal(size=(len(niche_category), FACTORS))
    root = by_category[tree.root[niche_category]]
    factors = 0.5 * root + 0.5 * by_category[niche_category] + 0.9 * own
    norm = np.sqrt(np.sum(factors**2, axis=1, keepdims=True))
    unit: NDArray[np.float32] = (factors / norm).astype(np.float32)
    return unit
