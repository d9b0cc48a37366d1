"""Valid item properties as they are read: all of them counted, the wanted ones kept as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, PROPERTY, VALID_FROM, VALUE
from endcap.dataset.ids import as_numbers, encode_ids
from endcap.dataset.plain_checks import PlainProperties

_MARKED: Final = 1 << 26
"""Items with a lower number are marked in an array of a byte each; others are listed."""
_LISTED_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True)
class PropertyColumns:
    """The n wanted rows in the order of their positions, as parallel arrays of codes.

    `property` int32: a place in `names`; `item` int32: in `items`, which are sorted, whole-numbered
    ids by number and after the others; `value` int32: in `values`; `time_ms` int64.
    """

    property: NDArray[np.int32]
    item: NDArray[np.int32]
    value: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    names: list[str]
    items: pa.Array
    values: pa.Array


@dataclass(frozen=True)
class _Part:
    """Some wanted rows: `item` is an id's number, or -1 and the next of `texts`."""

    property: NDArray[np.int32]
    item: NDArray[np.int64]
    texts: pa.Array
    value: pa.Array
    time_ms: NDArray[np.int64]
    position: NDArray[np.int64]


class PropertyRows:
    """What was read so far: counts of all rows, and the wanted ones, some 40 bytes each."""

    def __init__(self, *, renamed: Mapping[str, str], wanted: frozenset[str] | None) -> None:
        """Begin with nothing. `renamed`: the shop's name -> ours; `wanted`: ours, None for all."""
        self.rows = 0
        self._renamed = renamed
        self._wanted = wanted
        self._place: dict[str, int] = {}
        self._parts: list[_Part] = []
        self._seen: set[str] = set()
        self._items = np.zeros(1 << 20, dtype=np.bool_)
        self._listed: list[pa.Array] = []

    @property
    def wanted_as_written(self) -> frozenset[str] | None:
        """The wanted properties as the shop writes them; None for all."""
        if self._wanted is None:
            return None
        own = {name for name, ours in self._renamed.items() if ours in self._wanted}
        return frozenset(own | (self._wanted - self._renamed.keys()))

    def add_plain(self, found: PlainProperties, *, first_position: int) -> None:
        """Add the plain rows of a block of a file whose first row has this position."""
        self.rows += found.usable
        self._mark(found.items)
        self._seen.update(found.seen)
        if len(found.item):
            code = np.array([self._code_if_wanted(name) for name in found.seen], dtype=np.int32)
            self._parts.append(
                _Part(
                    property=code[found.name],
                    item=found.item,
                    texts=_NO_TEXTS,
                    value=found.value,
                    time_ms=found.time_ms,
                    position=found.row_number + first_position,
                )
            )

    def add_checked(self, table: pa.Table, position: NDArray[np.int64]) -> None:
        """Add usable rows, as `check_properties` returns them. They have ascending positions."""
        if not table.num_rows:
            return
        self.rows += table.num_rows
        numbers, texts = as_numbers(table.column(ITEM_ID).combine_chunks())
        self._mark(numbers[numbers >= 0])
        self._list(texts.filter(pc.not_equal(texts, "")))
        names = table.column(PROPERTY).combine_chunks().dictionary_encode()
        written: list[str] = names.dictionary.to_pylist()
        self._seen.update(written)
        code = np.array([self._code_if_wanted(name) for name in written], dtype=np.int32)
        code = code[names.indices.to_numpy()]
        row = np.flatnonzero(code >= 0)
        if len(row):
            self._parts.append(
                _Part(
                    property=code[row],
                    item=numbers[row],
                    texts=texts.take(pa.array(row[numbers[row] < 0])),
                    value=table.column(VALUE).combine_chunks().take(pa.array(row)),
                    time_ms=table.column(VALID_FROM).to_numpy()[row],
                    position=position[row],
                )
            )

    def columns(self) -> PropertyColumns:
        """Return the wanted rows, and forget them here."""
        parts, self._parts = self._parts, []
        position = np.concatenate([_NONE, *(part.position for part in parts)])
        order = (
            np.argsort(position, kind="stable") if (np.diff(position) < 0).any() else slice(None)
        )
        texts = pa.chunked_array([part.texts for part in parts], pa.string()).combine_chunks()
        item, items = _encoded(np.concatenate([_NONE, *(part.item for part in parts)]), texts)
        values = pa.chunked_array([part.value for part in parts], pa.string())
        encoded = values.combine_chunks().dictionary_encode()
        code = np.concatenate([_NONE, *(part.property for part in parts)]).astype(np.int32)
        time_ms = np.concatenate([_NONE, *(part.time_ms for part in parts)])
        return PropertyColumns(
            property=code[order],
            item=item[order],
            value=encoded.indices.to_numpy()[order],
            time_ms=time_ms[order],
            names=list(self._place),
            items=items,
            values=encoded.dictionary,
        )

    def items(self) -> pa.Array:
        """Return the distinct items of all rows, whatever the property."""
        self._merge_listed()
        numbers = pa.array(np.flatnonzero(self._items)).cast(pa.string())
        return pa.concat_arrays([numbers, *self._listed])

    @property
    def properties(self) -> int:
        """The number of distinct properties of all rows, as we name them."""
        return len({self._renamed.get(name, name) for name in self._seen})

    def _code(self, written: str) -> int:
        name = self._renamed.get(written, written)
        return self._place.setdefault(name, len(self._place))

    def _code_if_wanted(self, written: str) -> int:
        name = self._renamed.get(written, written)
        return self._code(written) if self._wanted is None or name in self._wanted else -1

    def _mark(self, items: NDArray[np.int64]) -> None:
        largest = int(items.max(initial=0))
        if largest >= _MARKED:
            self._list(pa.array(items[items >= _MARKED]).cast(pa.string()))
            items = items[items < _MARKED]
            largest = int(items.max(initial=0))
        if largest >= len(self._items):
            grown = np.zeros(min(_MARKED, 2 * largest), dtype=np.bool_)
            grown[: len(self._items)] = self._items
            self._items = grown
        self._items[items] = True

    def _list(self, items: pa.Array) -> None:
        if not len(items):
            return
        self._listed.append(pc.unique(items))
        if sum(map(len, self._listed[1:])) > max(_LISTED_AT_ONCE, len(self._listed[0])):
            self._merge_listed()

    def _merge_listed(self) -> None:
        self._listed = [pc.unique(pa.chunked_array(self._listed, pa.string()))]


_NONE: Final = np.empty(0, dtype=np.int64)
_NO_TEXTS: Final = pa.array([], pa.string())


def _encoded(number: NDArray[np.int64], texts: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return the codes of items, `texts` being those that have no number, and the ids by code."""
    code, ids = encode_ids(number[number >= 0], _NO_TEXTS)
    if not len(texts):
        return code, ids
    encoded = texts.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    codes = np.empty(len(number), dtype=np.int32)
    codes[number >= 0] = code + np.int32(len(order))
    codes[number < 0] = rank[encoded.indices.to_numpy()]
    return codes, pa.concat_arrays([encoded.dictionary.take(pa.array(order)), ids])
