"""Valid item properties as they are read: all of them counted, the wanted ones kept as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, PROPERTY, VALID_FROM, VALUE
from endcap.dataset.arrays import narrow
from endcap.dataset.ids import as_numbers, encode_ids
from endcap.dataset.plain_checks import PlainProperties

_MARKED: Final = 1 << 26
"""Items with a lower number are marked in an array of a byte each; others are listed."""
_LISTED_AT_ONCE: Final = 1 << 20
_COLUMNS: Final = ("property", "item", "texts", "value", "time_ms", "position")
"""Of the wanted rows: `item` is an id's number, or -1 and the next of `texts`."""


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


class PropertyRows:
    """What was read so far: counts of all rows, and the wanted ones, some 35 bytes each."""

    def __init__(self, *, renamed: Mapping[str, str], wanted: frozenset[str] | None) -> None:
        """Begin with nothing. `renamed`: the shop's name -> ours; `wanted`: ours, None for all."""
        self.rows = 0
        self._renamed = renamed
        self._wanted = wanted
        self._place: dict[str, int] = {}
        self._parts: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
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
            self._keep(
                property=code[found.name],
                item=found.item,
                value=found.value,
                time_ms=found.time_ms,
                position=found.row_number + first_position,
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
            self._keep(
                property=code[row],
                item=numbers[row],
                texts=texts.take(pa.array(row[numbers[row] < 0])),
                value=table.column(VALUE).combine_chunks().take(pa.array(row)),
                time_ms=table.column(VALID_FROM).to_numpy()[row],
                position=position[row],
            )

    def columns(self) -> PropertyColumns:
        """Return the wanted rows, and forget them here."""
        position = self._joined("position")
        order: NDArray[np.int64] | slice = slice(None)
        if (position[1:] < position[:-1]).any():
            order = np.argsort(position, kind="stable")
        del position
        item, items = _encoded(self._joined("item"), self._joined_texts("texts"))
        value = self._joined_texts("value").dictionary_encode()
        return PropertyColumns(
            property=self._joined("property").astype(np.int32, copy=False)[order],
            item=item[order],
            value=value.indices.to_numpy()[order],
            time_ms=self._joined("time_ms").astype(np.int64, copy=False)[order],
            names=list(self._place),
            items=items,
            values=value.dictionary,
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

    def _keep(self, **columns: NDArray[Any] | pa.Array) -> None:
        for name, column in columns.items():
            self._parts[name].append(narrow(column) if isinstance(column, np.ndarray) else column)

    def _joined(self, name: str) -> NDArray[Any]:
        parts = self._parts[name]
        joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        parts.clear()
        return joined

    def _joined_texts(self, name: str) -> pa.Array:
        joined = pa.chunked_array(self._parts[name], pa.string()).combine_chunks()
        self._parts[name].clear()
        return joined

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


def _encoded(number: NDArray[np.int64], texts: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return the codes of items, `texts` being those that have no number, and the ids by code."""
    code, ids = encode_ids(number[number >= 0], texts[:0])
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
