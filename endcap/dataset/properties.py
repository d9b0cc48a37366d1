"""Item properties: dated values in, half-open intervals of validity out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, NUMBER, PROPERTY, VALID_FROM, VALID_TO, VALUE
from endcap.dataset.arrays import stable_order
from endcap.dataset.interactions import UTC_MS
from endcap.dataset.property_rows import PropertyColumns

ITEM_PROPERTIES: Final = pa.schema(
    [
        (ITEM_ID, pa.string()),
        (PROPERTY, pa.string()),
        (VALUE, pa.string()),
        (NUMBER, pa.float64()),
        (VALID_FROM, UTC_MS),
        (VALID_TO, UTC_MS),
    ]
)
_PREFIXED: Final = r"^n[+-]?[0-9]+(\.[0-9]+)?$"
_PLAIN: Final = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$"
_ROWS_PER_GROUP: Final = 262_144


def write_intervals(
    rows: PropertyColumns, out: Path, *, numbers: str, max_number: float
) -> dict[str, int]:
    """Write ``item_properties/part-0.parquet``, sorted by property, item and time.

    So whoever asks for a few properties reads only their part of the file. Items are in the order
    of `rows.items`.

    Of several values of a property at the same moment the last one read counts. A value that
    repeats the one before it adds nothing and is merged into its interval. NUMBER is the value of
    a single number token, null for a number beyond `max_number`: that far up lies damage.

    Returns counts: ``intervals``, ``merged``, ``superseded``, ``numbers``, ``numbers_too_large``.
    """
    changes = _Dated.of(rows)
    changes = changes.where(_new(changes.group[::-1], changes.time_ms[::-1])[::-1])
    latest = len(changes)
    changes = changes.where(_new(changes.group, changes.value))
    number, too_large = _numbers(rows.values, numbers, max_number)
    names = pa.array(sorted(rows.names), pa.string())
    path = out / "item_properties" / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(
        path,
        ITEM_PROPERTIES,
        compression="zstd",
        use_dictionary=[PROPERTY, VALUE, NUMBER, VALID_FROM, VALID_TO],
        write_statistics=[PROPERTY, VALID_FROM, VALID_TO],
    ) as writer:
        for start in range(0, len(changes), _ROWS_PER_GROUP):
            span = slice(start, start + _ROWS_PER_GROUP)
            name, item = np.divmod(changes.group[span], len(rows.items))
            value = pa.array(changes.value[span])
            columns = [
                rows.items.take(pa.array(item)),
                names.take(pa.array(name)),
                rows.values.take(value),
                number.take(value),
                pa.array(changes.time_ms[span]).cast(UTC_MS),
                changes.ends(span).cast(UTC_MS),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=ITEM_PROPERTIES))
    return {
        "intervals": len(changes),
        "merged": latest - len(changes),
        "superseded": len(rows.time_ms) - latest,
        "numbers": _count(number.is_valid(), changes.value),
        "numbers_too_large": _count(too_large, changes.value),
    }


@dataclass(frozen=True)
class _Dated:
    """Values in order of `group`, one a property of an item, and of time in it."""

    group: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    value: NDArray[np.int32]

    @classmethod
    def of(cls, rows: PropertyColumns) -> Self:
        rank = np.argsort(np.argsort(np.array(rows.names, dtype=np.str_))).astype(np.int64)
        group = rank[rows.property] * len(rows.items) + rows.item
        by_time = stable_order(rows.time_ms)
        order = by_time[stable_order(group[by_time])]
        return cls(group[order], rows.time_ms[order], rows.value[order])

    def __len__(self) -> int:
        return len(self.group)

    def where(self, mask: NDArray[np.bool_]) -> "_Dated":
        return _Dated(self.group[mask], self.time_ms[mask], self.value[mask])

    def ends(self, span: slice) -> pa.Array:
        """Return when the next value of the same group begins; null for the last one."""
        group, time_ms = (
            column[span.start : span.stop + 1] for column in (self.group, self.time_ms)
        )
        until = np.append(time_ms[1:], 0)[: span.stop - span.start]
        is_last = np.append(group[1:] != group[:-1], True)[: span.stop - span.start]
        return pa.array(until, pa.int64(), mask=is_last)


def _new(*columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return bool (n,): does the row differ from the one before it in any of these columns."""
    new = np.ones(len(columns[0]), dtype=np.bool_)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def _numbers(values: pa.Array, style: str, max_number: float) -> tuple[pa.Array, pa.Array]:
    """Return the number that each value is, null for none, and which are beyond `max_number`."""
    single = pc.match_substring_regex(values, _PREFIXED if style == "prefixed" else _PLAIN)
    text = pc.if_else(single, values, None)
    digits = pc.utf8_ltrim(text, "n+") if style == "prefixed" else pc.utf8_ltrim(text, "+")
    number = digits.cast(pa.float64())
    small = pc.less_equal(pc.abs(number), max_number)
    return pc.if_else(small, number, None), pc.fill_null(pc.invert(small), False)


def _count(mask: pa.Array, code: NDArray[np.int32]) -> int:
    """Return how many codes are of values in the mask."""
    return int(np.count_nonzero(mask.to_numpy(zero_copy_only=False)[code]))
