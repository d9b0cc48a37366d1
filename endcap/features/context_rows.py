"""The rows of the user side: candidates, and where their features go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap.features.item_table import ItemTable
from endcap.features.keyed_sums import Groups, group_by
from endcap.features.registry import names

_POSITION: Final = {name: position for position, name in enumerate(names("user"))}
USER_FEATURES: Final = len(_POSITION)
_NOWHERE: Final = np.zeros(0, dtype=np.int64)


@cache
def span(*wanted: str) -> slice:
    """Return where features stand that follow each other in the registry."""
    start = _POSITION[wanted[0]]
    if names("user")[start : start + len(wanted)] != wanted:
        raise ValueError(f"the registry has these features in another order: {', '.join(wanted)}")
    return slice(start, start + len(wanted))


@dataclass(frozen=True, eq=False, repr=False)
class Rows:
    """Candidates: the visitor's position, the item, and where the features go.

    Features of the category are computed once a pair of visitor and category. `pair` int64 (m,):
    each row's. `pair_visitor` and `pair_category` int64 (p,): what each pair is; -1 for no
    category. `found`: what was looked up for all rows, and two families want.
    """

    visitor: NDArray[np.int64]
    item: NDArray[np.int64]
    out: NDArray[np.float32]
    pair: NDArray[np.int64]
    pair_visitor: NDArray[np.int64]
    pair_category: NDArray[np.int64]
    found: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def found_item(self, groups: Groups, n_items: int) -> NDArray[np.int64]:
        """Return each row's group of those by visitor and item, int64 (m,): see `Groups.find`."""
        if "item" not in self.found:
            self.found["item"] = groups.find(self.visitor * n_items + self.item)
        return self.found["item"]

    def found_category(self, groups: Groups, n_categories: int) -> NDArray[np.int64]:
        """Return each pair's group of those by visitor and category, int64 (p,)."""
        if "category" not in self.found:
            key = self.pair_visitor * n_categories + self.pair_category
            self.found["category"] = groups.find(np.where(self.pair_category < 0, -1, key))
        return self.found["category"]

    @classmethod
    def of(
        cls,
        visitor: NDArray[np.int64],
        item: NDArray[np.int64],
        out: NDArray[np.float32],
        items: ItemTable,
    ) -> "Rows":
        """Return the rows of `visitor` and `item`, int64 (m,), whose features go into `out`."""
        width = len(items.category_parent) + 1
        category = items.category[item]
        if len(visitor) and visitor[0] == visitor[-1] == 0:
            # One visitor's pairs are categories, told apart by their place: no category is 0.
            place = np.full(width, -1, dtype=np.int64)
            place[category + 1] = 0
            above = (place >= 0).nonzero()[0]
            place[above] = np.arange(len(above))
            return cls(visitor, item, out, place[category + 1], np.zeros_like(above), above - 1)
        pairs = group_by(visitor * width + category + 1)
        pair_visitor, above = np.divmod(pairs.keys[:-1], width)
        return cls(visitor, item, out, pairs.of_event, pair_visitor, above - 1)

    def write(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Write features that follow each other in the registry, one value a row."""
        write_columns(self.out, columns)

    def write_found(
        self, columns: Mapping[str, tuple[NDArray[Any], float]], place: NDArray[np.int64]
    ) -> None:
        """Write features that follow each other, each row's from position `place` of its columns.

        Each column comes with what stands for the place after its end: nothing found.
        """
        values = list(columns.values())
        table = np.empty((len(values[0][0]) + 1, len(values)), dtype=np.float32)
        for position, (column, nothing) in enumerate(values):
            table[:-1, position] = column
            table[-1, position] = nothing
        self.out[:, span(*columns)] = table[place]

    def write_by_visitor(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Write features that follow each other and are the same for all rows of a visitor."""
        self._spread(columns, self.visitor)

    def write_by_pair(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Write features that follow each other, one value a pair of visitor and category."""
        self._spread(columns, self.pair)

    def _spread(self, columns: Mapping[str, NDArray[Any]], place: NDArray[np.int64]) -> None:
        table = _side_by_side(columns)
        self.out[:, span(*columns)] = table if len(table) == 1 else table[place]


def write_columns(
    out: NDArray[np.float32],
    columns: Mapping[str, NDArray[Any]],
    *,
    but: NDArray[np.bool_] | None = None,
) -> None:
    """Write features that follow each other in the registry, one value a row; NaN in rows `but`."""
    block = _side_by_side(columns)
    if but is not None:
        block[but] = np.nan
    out[:, span(*columns)] = block


def _side_by_side(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    values = list(columns.values())
    block = np.empty((len(values[0]), len(values)), dtype=np.float32)
    for position, column in enumerate(values):
        block[:, position] = column
    return block


def look_up_of(
    owners: NDArray[np.int64],
    ptr: NDArray[np.int64],
    keys: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what `look_up` does, for keys that all belong to one of `owners`.

    Owner i's keys are ``[ptr[i], ptr[i + 1])`` of `keys`. A single owner's are few: to look among
    them alone is quicker. A negative owner has none.
    """
    if len(owners) != 1:
        return look_up(keys, wanted)
    owner = int(owners[0])
    low, high = (int(ptr[owner]), int(ptr[owner + 1])) if owner >= 0 else (0, 0)
    hit, place = look_up(keys[low:high], wanted)
    return hit, place + low


def look_up(
    keys: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of the wanted keys are in the ascending `keys`, and where: two int64 arrays.

    >>> [part.tolist() for part in look_up(np.array([2, 5]), np.array([5, 3, 9]))]
    [[0], [1]]
    """
    if not len(keys):
        return _NOWHERE, _NOWHERE
    place = keys.searchsorted(wanted)
    inside = (place < len(keys)).nonzero()[0]
    hit = inside[keys[place[inside]] == wanted[inside]]
    return hit, place[hit]
