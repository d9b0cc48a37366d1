"""Weekly snapshots of item properties.

A snapshot holds all properties of the items that are new in it, and of the others only what has
changed since the snapshot before. Property names and texts are hashed, as in RetailRocket's files,
except ``categoryid`` and ``available``; ``790`` is the price, written ``n552.000``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import AVAILABLE_PROPERTY, CATEGORY_PROPERTY, PRICE_PROPERTY
from endcap.simulator.catalogue import Catalogue
from endcap.simulator.scales import WEEK_MS, Scale
from endcap.simulator.shelf import Shelf

_HASHED_PROPERTIES: Final = 1_103
_WIDESPREAD: Final = 12
"""Properties that nearly every item has; the others are spread thinly."""
_MOST_HASHED: Final = 1_000
_DESCRIPTION: Final = "888"
_DESCRIPTIONS: Final = 4_000
_VARIANTS: Final = 40
_REWRITTEN_SHARE: Final = 0.1
_FIRST_SNAPSHOT_SHARE: Final = 0.8
_BLOCK_ITEMS: Final = 40_000


@dataclass(frozen=True)
class PropertyPlan:
    """Which rows there are: `first` snapshot and number of hashed rows of each item.

    `rewritten`: bool[items, snapshots], a new text in property 888. `texts`, `descriptions`: what
    the hashed rows say, with the property's name before it. `start`: the item's first hashed row.
    """

    first: NDArray[np.int64]
    hashed: NDArray[np.int64]
    rewritten: NDArray[np.bool_]
    start: NDArray[np.int64]
    texts: pa.Array
    descriptions: pa.Array
    seed: int

    def changed(self, state: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where a weekly state [items, snapshots] differs from the snapshot before."""
        differs = np.zeros(state.shape, dtype=np.bool_)
        differs[:, 1:] = state[:, 1:] != state[:, :-1]
        return differs & (np.arange(state.shape[1]) > self.first[:, None])

    def total(self, shelf: Shelf) -> int:
        """Return the number of rows: four of every item, the hashed ones, and the changes."""
        changes = self.changed(shelf.price).sum() + self.changed(shelf.available).sum()
        return int(4 * len(self.first) + self.hashed.sum() + changes + self.rewritten.sum())


def plan_properties(
    catalogue: Catalogue, shelf: Shelf, scale: Scale, rng: np.random.Generator
) -> PropertyPlan:
    """Return a plan with exactly ``scale.property_rows`` rows, if the hashed rows can make it so.

    Every item has category, availability, price and description; the rest is hashed text, at least
    one and at most 1,000 rows an item.
    """
    n, weeks = shelf.price.shape
    arrival = (catalogue.sale_from_ms - scale.start_ms) // WEEK_MS - 1
    unseen = catalogue.weight == 0
    late = unseen & (rng.random(n) > _FIRST_SNAPSHOT_SHARE)
    arrival = np.where(late, rng.integers(weeks, size=n), arrival)
    first = np.clip(arrival, 0, weeks - 1)
    later = np.arange(weeks) > first[:, None]
    rewritten = (rng.random((n, weeks), dtype=np.float32) < _REWRITTEN_SHARE) & later
    blank = np.zeros(n, dtype=np.int64)
    bare = PropertyPlan(first, blank, rewritten, blank, None, None, 0)
    wanted = scale.property_rows - bare.total(shelf)
    hashed = _shared_out(max(wanted, n), n, rng)
    return PropertyPlan(
        first=first,
        hashed=hashed,
        rewritten=rewritten,
        start=np.cumsum(hashed) - hashed,
        texts=_texts(rng),
        descriptions=_descriptions(rng),
        seed=int(rng.integers(2**31)),
    )


def property_rows(catalogue: Catalogue, shelf: Shelf, plan: PropertyPlan) -> Iterator[pa.Array]:
    """Yield Arrow string arrays of CSV lines, in order of time."""
    prices, stock = plan.changed(shelf.price), plan.changed(shelf.available)
    category = catalogue.tree.ids[catalogue.category]
    for week, moment in enumerate(shelf.snapshot_ms):
        for low in range(0, len(catalogue), _BLOCK_ITEMS):
            rows = np.arange(low, min(low + _BLOCK_ITEMS, len(catalogue)))
            new = rows[plan.first[rows] == week]
            priced = rows[(plan.first[rows] == week) | prices[rows, week]]
            stocked = rows[(plan.first[rows] == week) | stock[rows, week]]
            told = rows[(plan.first[rows] == week) | plan.rewritten[rows, week]]
            items = np.concatenate([new, stocked, priced, told, np.repeat(new, plan.hashed[new])])
            if not len(items):
                continue
            values = pa.concat_arrays(
                [
                    _named(CATEGORY_PROPERTY, category[new]),
                    _named(AVAILABLE_PROPERTY, shelf.available[stocked, week].astype(np.int64)),
                    _named(PRICE_PROPERTY, shelf.price[priced, week], "n", ".000"),
                    plan.descriptions.take(pa.array(_scrambled(plan, told, week) % _DESCRIPTIONS)),
                    plan.texts.take(pa.array(_text_codes(plan, new))),
                ]
            )
            ids = pc.cast(pa.array(catalogue.ids[items]), pa.string())
            yield pc.binary_join_element_wise(str(moment), ids, values, ",")


def _named(name: str, numbers: NDArray[np.int64], before: str = "", after: str = "") -> pa.Array:
    text = pc.cast(pa.array(numbers), pa.string())
    return pc.binary_join_element_wise(f"{name},{before}", text, f"{after}\n", "")


def _text_codes(plan: PropertyPlan, items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each hashed row of `items` its text: distinct properties within an item."""
    counts = plan.hashed[items]
    place = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    offset = np.repeat(_scrambled(plan, items, 0) % _HASHED_PROPERTIES, counts)
    rare = _WIDESPREAD + (offset + place * 7) % (_HASHED_PROPERTIES - _WIDESPREAD)
    name = np.where(place < _WIDESPREAD, place, rare)
    row = np.repeat(plan.start[items], counts) + place
    return name * _VARIANTS + _scrambled(plan, row, 1) % _VARIANTS


def _scrambled(plan: PropertyPlan, number: NDArray[np.int64], salt: int) -> NDArray[np.int64]:
    """Return a fixed pseudo-random non-negative number for each number (splitmix64's finaliser)."""
    z: NDArray[np.uint64] = (number + plan.seed).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = z + np.uint64(salt * 0x632BE59B)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


def _shared_out(total: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    wish = rng.gamma(6.0, size=n)
    cumulative = np.round(np.cumsum(wish) / wish.sum() * (total - n)).astype(np.int64)
    counts: NDArray[np.int64] = np.minimum(1 + np.diff(cumulative, prepend=0), _MOST_HASHED)
    return counts


def _names(rng: np.random.Generator) -> list[str]:
    reserved = {PRICE_PROPERTY, _DESCRIPTION}
    numbers = rng.permutation(_HASHED_PROPERTIES + len(reserved))
    return [str(number) for number in numbers if str(number) not in reserved]


def _texts(rng: np.random.Generator) -> pa.Array:
    """Return lines' ends "property,value": words as numbers, now and then a real number."""
    words = rng.integers(1_400_000, size=(_HASHED_PROPERTIES, _VARIANTS, 2))
    numbers = rng.integers(1, 400, size=(_HASHED_PROPERTIES, _VARIANTS)) * 12
    form = rng.integers(4, size=(_HASHED_PROPERTIES, _VARIANTS))
    lines = []
    for at, name in enumerate(_names(rng)):
        for variant in range(_VARIANTS):
            first, second = words[at, variant]
            number = f"n{numbers[at, variant]}.000"
            text = (f"{first}", f"{first} {second}", number, f"{first} {number}")
            lines.append(f"{name},{text[form[at, variant]]}\n")
    return pa.array(lines, pa.string())


def _descriptions(rng: np.random.Generator) -> pa.Array:
    words = rng.integers(1_400_000, size=(_DESCRIPTIONS, 12))
    lengths = rng.integers(4, 13, size=_DESCRIPTIONS)
    return pa.array(
        [
            f"{_DESCRIPTION},{' '.join(str(w) for w in row[:length])}\n"
            for row, length in zip(words, lengths, strict=True)
        ],
        pa.string(),
    )
