"""Visitors: tastes, the niches they are drawn to, and how much they look at."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import FACTORS, Catalogue
from endcap.simulator.scales import Scale

INTEREST_WEIGHTS: Final = (0.6, 0.27, 0.13)
"""How often a visitor follows the first, second and third interest."""
_CANDIDATES: Final = (8, 4, 4)
"""Niches considered from the home shelf, its whole tree, and the whole shop."""
_ARCHETYPES: Final = 12
_TASTE_STRENGTH: Final = 2.5
_CHUNK: Final = 100_000
_VIEWS_SIGMA: Final = 1.2


@dataclass(frozen=True)
class Visitors:
    """Human visitors; one row each.

    `taste` float32[n, FACTORS]; `interests`, `interests_after`: int32[n, 3] niches, before and
    after a drift of behaviour; `price_sensitivity`, `intent`: what decides on buying; `views`: how
    many items are looked at, repeats counted.
    """

    taste: NDArray[np.float32]
    interests: NDArray[np.int32]
    interests_after: NDArray[np.int32]
    price_sensitivity: NDArray[np.float64]
    intent: NDArray[np.float64]
    views: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.views)


def invite_visitors(
    catalogue: Catalogue, scale: Scale, views: int, rng: np.random.Generator
) -> Visitors:
    """Return the human visitors of a shop, who together make exactly `views` views."""
    n = scale.visitors - scale.bots
    archetypes = rng.normal(size=(_ARCHETYPES, FACTORS))
    kind = rng.integers(_ARCHETYPES, size=n)
    noise = 0.5 * rng.standard_normal((n, FACTORS), dtype=np.float32)
    taste = (archetypes[kind] + noise).astype(np.float32)
    before, after = np.empty((2, n, len(INTEREST_WEIGHTS)), dtype=np.int32)
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        before[rows], after[rows] = _interests(catalogue, taste[rows], rng)
    return Visitors(
        taste=taste,
        interests=before,
        interests_after=after,
        price_sensitivity=rng.lognormal(0, 0.4, n),
        intent=rng.normal(size=n),
        views=_view_counts(n, views, scale.one_view_share, rng),
    )


def turned(taste: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the taste of each visitor after a drift of behaviour: the opposite of before."""
    return -taste


def _interests(
    catalogue: Catalogue, taste: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pick the best of popular niches near a home category by taste plus Gumbel noise."""
    n = len(taste)
    considered = _considered(catalogue, n, rng)
    factors = catalogue.niche_factors[considered]
    noise = rng.gumbel(size=considered.shape).astype(np.float32)
    chosen = []
    for own_taste in (taste, turned(taste)):
        fit = np.einsum("nf,ncf->nc", own_taste, factors) * _TASTE_STRENGTH + noise
        best = np.argsort(-fit, axis=1, kind="stable")[:, : len(INTEREST_WEIGHTS)]
        chosen.append(np.take_along_axis(considered, best, axis=1).astype(np.int32))
    return chosen[0], chosen[1]


def _considered(catalogue: Catalogue, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    tree, size = catalogue.tree, len(catalogue)
    home = catalogue.draw(np.zeros(n, np.int64), np.full(n, size), rng.random(n))
    category = catalogue.category[home]
    shelf = np.where(tree.parent[category] >= 0, tree.parent[category], category)
    starts = (shelf, tree.root[category], np.zeros(n, np.int64))
    stops = (tree.stop[shelf], tree.stop[tree.root[category]], np.full(n, len(tree.ids)))
    drawn = [
        catalogue.draw(
            np.repeat(catalogue.category_start[start], count),
            np.repeat(catalogue.category_start[stop], count),
            rng.random(n * count),
        ).reshape(n, count)
        for start, stop, count in zip(starts, stops, _CANDIDATES, strict=True)
    ]
    return catalogue.niche[np.concatenate(drawn, axis=1)]


def _view_counts(
    n: int, total: int, one_view_share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return 1 view for a share of the visitors and a log-normal tail for the others."""
    views = np.ones(n, dtype=np.int64)
    many = rng.permutation(n)[: round(n * (1 - one_view_share))]
    tail = np.exp(_VIEWS_SIGMA * rng.normal(size=len(many)))
    low, high = 1e-6, 1e6
    for _ in range(60):
        middle = np.sqrt(low * high)
        if np.ceil(middle * tail).sum() > total - n:
            high = middle
        else:
            low = middle
    views[many] += np.ceil(low * tail).astype(np.int64)
    missing = total - int(views.sum())
    np.add.at(views, many[rng.integers(len(many), size=missing)], 1)
    return views
