"""Item properties: dated values in, half-open intervals of validity out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, NUMBER, PROPERTY, VALID_FROM, VALID_TO, VALUE
from endcap.dataset.arrays import begins_run, stable_order
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
_COUNTS: Final = ("intervals", "merged", "superseded", "numbers", "numbers_too_large")


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
    number, too_large = _numbers(rows.values, numbers, max_number)
    path = out / "item_properties" / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(_COUNTS, 0)
    with pq.ParquetWriter(
        path,
        ITEM_PROPERTIES,
        compression="zstd",
        use_dictionary=[PROPERTY, VALUE, NUMBER, VALID_FROM, VALID_TO],
        write_statistics=[PROPERTY, VALID_FROM, VALID_TO],
    ) as writer:
        for dated in _by_property(rows):
            latest = dated.where(begins_run(dated.group[::-1], dated.time_ms[::-1])[::-1])
            changes = latest.where(begins_run(latest.group, latest.value))
            for table in _tables(changes, rows, number):
                writer.write_table(table)
            counts["intervals"] += len(changes)
            counts["merged"] += len(latest) - len(changes)
            counts["superseded"] += len(dated) - len(latest)
            counts["numbers"] += _count(number.is_valid(), changes.value)
            counts["numbers_too_large"] += _count(too_large, changes.value)
            del dated, latest, changes  # the next property's need their room
    return counts


def _tables(changes: "_Dated", rows: PropertyColumns, number: pa.Array) -> Iterator[pa.Table]:
    names = pa.array(sorted(rows.names), pa.string())
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
        yield pa.Table.from_arrays(columns, schema=ITEM_PROPERTIES)


@dataclass(frozen=True)
class _Dated:
    """Values in order of `group`, one a property of an item, and of time in it."""

    group: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    value: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.group)

    def where(self, mask: NDArray[np.bool_]) -> "_Dated":
        if mask.all():
            return self
        return _Dated(self.group[mask], self.time_ms[mask], self.value[mask])

    def ends(self, span: slice) -> pa.Array:
        """Return when the next value of the same group begins; null for the last one."""
        group, time_ms = (
            column[span.start : span.stop + 1] for column in (self.group, self.time_ms)
        )
        until = np.append(time_ms[1:], 0)[: span.stop - span.start]
        is_last = np.append(group[1:] != group[:-1], True)[: span.stop - span.start]
        return pa.array(until, pa.int64(), mask=is_last)


def _by_property(rows: PropertyColumns) -> Iterator[_Dated]:
    """Yield all rows, sorted: one property whole at a time, or several small ones together.

    So what sorting needs is a fraction of what the rows take.
    """
    rank = np.argsort(np.argsort(np.array(rows.names, dtype=np.str_))).astype(np.int32)
    name = rank[rows.property]
    low, ends = 0, np.cumsum(np.bincount(name, minlength=len(rank))).tolist()
    for high in range(1, len(rank) + 1):
        so_far = ends[low - 1] if low else 0
        if ends[high - 1] - so_far < min(_ROWS_PER_GROUP, ends[-1] - so_far):
            continue
        row = np.flatnonzero((name >= low) & (name < high))
        low = high
        row = row[stable_order(rows.time_ms[row])]
        group = name[row].astype(np.int64)
        group *= len(rows.items)
        group += rows.item[row]
        order = stable_order(group)
        row = row[order]
        yield _Dated(group[order], rows.time_ms[row], rows.value[row])


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
