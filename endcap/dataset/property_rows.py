"""Valid item properties as they are read: all of them counted, the wanted ones kept."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, PROPERTY, VALID_FROM, VALUE
from endcap.dataset.ids import as_numbers
from endcap.dataset.plain_checks import PlainProperties

_ROWS_PER_INSERT: Final = 65_536
_MARKED: Final = 1 << 26
"""Items with a lower number are marked in an array of a byte each; others are listed."""


class PropertyRows:
    """The table ``staged_properties`` of a database, which spills to disk, and what was counted.

    Its columns: ``property``, a place in `names`; ``item``, the number of the item's id, or -1 and
    ``item_text``; ``value``; ``time_ms``; ``position``, which ascends as the rows were read.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        *,
        renamed: Mapping[str, str],
        wanted: frozenset[str] | None,
    ) -> None:
        """Make the tables. `renamed`: the shop's name -> ours; `wanted`: ours, None for all."""
        connection.execute(
            """CREATE TABLE staged_properties (property INTEGER, item BIGINT, item_text VARCHAR,
               value VARCHAR, time_ms BIGINT, position BIGINT)"""
        )
        connection.execute("CREATE TABLE property_items (item_id VARCHAR)")
        self.names: list[str] = []
        self.rows = 0
        self._place: dict[str, int] = {}
        self._connection = connection
        self._renamed = renamed
        self._wanted = wanted
        self._seen: set[str] = set()
        self._seen_numbers = np.zeros(1 << 20, dtype=np.bool_)
        self._items = np.zeros(1 << 20, dtype=np.bool_)
        self._pending: list[pa.Table] = []

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
        self._seen_numbers[found.numbers] = True
        self._seen.update(found.seen)
        code = np.array([self._code(name) for name in found.names], dtype=np.int32)
        count = len(found.item)
        if count:
            texts = pa.array([""], pa.string()).take(pa.array(np.zeros(count, dtype=np.int8)))
            self._stage(
                code[found.name],
                found.item,
                texts,
                found.value,
                found.time_ms,
                found.row_number + first_position,
            )

    def add_checked(self, table: pa.Table, position: NDArray[np.int64]) -> None:
        """Add usable rows, as `check_properties` returns them. They have ascending positions."""
        if not table.num_rows:
            return
        self.rows += table.num_rows
        numbers, texts = as_numbers(table.column(ITEM_ID).combine_chunks())
        self._mark(numbers[numbers >= 0])
        self._list(pc.unique(texts.filter(pc.not_equal(texts, ""))))
        names = table.column(PROPERTY).combine_chunks().dictionary_encode()
        written: list[str] = names.dictionary.to_pylist()
        self._seen.update(written)
        code = np.array([self._code_if_wanted(name) for name in written], dtype=np.int32)
        code = code[names.indices.to_numpy()]
        row = np.flatnonzero(code >= 0)
        if len(row):
            index = pa.array(row)
            self._stage(
                code[row],
                numbers[row],
                texts.take(index),
                table.column(VALUE).combine_chunks().take(index),
                table.column(VALID_FROM).to_numpy()[row],
                position[row],
            )

    def finish(self) -> None:
        """Put all that is still here into the tables."""
        self._flush()
        self._list(pa.array(np.flatnonzero(self._items)).cast(pa.string()))

    @property
    def properties(self) -> int:
        """The number of distinct properties, as we name them."""
        numbers = np.flatnonzero(self._seen_numbers).tolist()
        written = self._seen | {str(number) for number in numbers}
        return len({self._renamed.get(name, name) for name in written})

    def _code(self, written: str) -> int:
        name = self._renamed.get(written, written)
        place = self._place.setdefault(name, len(self._place))
        if place == len(self.names):
            self.names.append(name)
        return place

    def _code_if_wanted(self, written: str) -> int:
        name = self._renamed.get(written, written)
        return self._code(written) if self._wanted is None or name in self._wanted else -1

    def _mark(self, items: NDArray[np.int64]) -> None:
        if not len(items):
            return
        largest = int(items.max())
        if largest >= _MARKED:
            self._list(pc.unique(pa.array(items[items >= _MARKED])).cast(pa.string()))
            items = items[items < _MARKED]
            largest = int(items.max(initial=0))
        if largest >= len(self._items):
            grown = np.zeros(min(_MARKED, 2 * largest), dtype=np.bool_)
            grown[: len(self._items)] = self._items
            self._items = grown
        self._items[items] = True

    def _list(self, items: pa.Array) -> None:
        if len(items):
            self._insert("property_items", pa.table({"item_id": items}))

    def _stage(
        self,
        code: NDArray[np.int32],
        item: NDArray[np.int64],
        item_text: pa.Array,
        value: pa.Array,
        time_ms: NDArray[np.int64],
        position: NDArray[np.int64],
    ) -> None:
        columns = (code, item, item_text, value, time_ms, position)
        names = ["property", "item", "item_text", "value", "time_ms", "position"]
        self._pending.append(pa.table([pa.array(column) for column in columns], names=names))
        if sum(table.num_rows for table in self._pending) >= _ROWS_PER_INSERT:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._insert("staged_properties", pa.concat_tables(self._pending))
            self._pending = []

    def _insert(self, name: str, rows: pa.Table) -> None:
        self._connection.register("batch", rows)
        self._connection.execute(f"INSERT INTO {name} SELECT * FROM batch")  # noqa: S608  a constant
        self._connection.unregister("batch")
