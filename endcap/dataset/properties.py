"""Item properties: dated values in, half-open intervals of validity out."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from endcap.columns import ITEM_ID, NUMBER, PROPERTY, VALID_FROM, VALID_TO, VALUE
from endcap.dataset.ids import as_texts
from endcap.dataset.interactions import UTC_MS

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


_RANK: Final = "rank"
_ITEM: Final = "item"
_GROUP: Final = (_RANK, _ITEM, "item_text")


def write_intervals(
    connection: DuckDBPyConnection,
    out: Path,
    *,
    properties: Sequence[str],
    numbers: str,
    max_number: float,
) -> dict[str, int]:
    """Write ``item_properties/part-0.parquet``, sorted by property, item and time.

    So whoever asks for a few properties reads only their part of the file. Items whose ids are
    plain whole numbers are sorted by number, after the others.

    Of several values of a property at the same moment the last one read counts. A value that
    repeats the one before it adds nothing and is merged into its interval. NUMBER is the value of
    a single number token, null for a number beyond `max_number`: that far up lies damage.

    Returns counts: ``intervals``, ``merged``, ``superseded``, ``numbers``, ``numbers_too_large``.
    """
    counts = dict.fromkeys(("intervals", "merged", "superseded", "numbers", "numbers_too_large"), 0)
    names = sorted(properties)
    rank = pa.table({"property": [properties.index(n) for n in names], _RANK: range(len(names))})
    connection.register("ranks", rank)
    # Where all ids are numbers, as in most logs, nobody need sort or carry empty texts.
    ((texts,),) = connection.execute(
        "SELECT count(*) FROM staged_properties WHERE item < 0"
    ).fetchall()
    text = "item_text" if texts else "''"
    reader = connection.sql(
        f"""SELECT rank::INTEGER AS rank, item, {text} AS item_text, value, time_ms AS valid_from
            FROM staged_properties JOIN ranks USING (property)
            ORDER BY rank, item, {"item_text, " if texts else ""}time_ms, position"""  # noqa: S608  constants
    ).to_arrow_reader(_ROWS_PER_GROUP)
    path = out / "item_properties" / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, ITEM_PROPERTIES, compression="zstd") as writer:
        for table in _equal_sized(_intervals(rows, counts) for rows in _whole_groups(reader)):
            writer.write_table(_canonical(table, names, numbers, max_number, counts))
    return counts


def _canonical(
    rows: pa.Table, names: list[str], numbers: str, max_number: float, counts: dict[str, int]
) -> pa.Table:
    value, since, until = (rows.column(name) for name in (VALUE, VALID_FROM, VALID_TO))
    item = as_texts(*(rows.column(name).combine_chunks() for name in (_ITEM, "item_text")))
    place = rows.column(_RANK).combine_chunks()
    columns = [
        item,
        pa.DictionaryArray.from_arrays(place, pa.array(names, pa.string())).cast(pa.string()),
        value,
        _numbers(value, numbers, max_number, counts),
        since.cast(UTC_MS),
        until.cast(UTC_MS),
    ]
    return pa.Table.from_arrays(columns, schema=ITEM_PROPERTIES)


def _equal_sized(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of `_ROWS_PER_GROUP`.

    Where the database ends its batches is chance; the bytes of the file must not depend on it.
    """
    pending: list[pa.Table] = []
    for table in tables:
        pending.append(table)
        if sum(part.num_rows for part in pending) < _ROWS_PER_GROUP:
            continue
        whole = pa.concat_tables(pending)
        full = whole.num_rows - whole.num_rows % _ROWS_PER_GROUP
        for start in range(0, full, _ROWS_PER_GROUP):
            yield whole.slice(start, _ROWS_PER_GROUP).combine_chunks()
        pending = [whole.slice(full)]
    if pending and any(part.num_rows for part in pending):
        yield pa.concat_tables(pending).combine_chunks()


def _whole_groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Yield sorted rows in tables that never end within a (property, item) group."""
    carry: pa.Table | None = None
    for batch in reader:
        table = pa.Table.from_batches([batch])
        if carry is not None and carry.num_rows:
            table = pa.concat_tables([carry, table]).combine_chunks()
        starts = np.flatnonzero(_is_new(table, *_GROUP))
        cut = int(starts[-1]) if len(starts) else 0
        if cut:
            yield table.slice(0, cut).combine_chunks()
        carry = table.slice(cut)
    if carry is not None and carry.num_rows:
        yield carry.combine_chunks()


def _is_new(table: pa.Table, *names: str) -> NDArray[np.bool_]:
    """Return bool (n,): does the row differ from the one before it in any of these columns."""
    new = np.zeros(table.num_rows, dtype=np.bool_)
    new[:1] = True
    for name in names:
        column = table.column(name)
        differs = pc.not_equal(column.slice(1), column.slice(0, max(0, len(column) - 1)))
        new[1:] |= differs.to_numpy()
    return new


def _intervals(rows: pa.Table, counts: dict[str, int]) -> pa.Table:
    last_of_moment = np.append(_is_new(rows, *_GROUP, VALID_FROM)[1:], True)
    latest = rows.filter(pa.array(last_of_moment)).combine_chunks()
    changes = latest.filter(pa.array(_is_new(latest, *_GROUP, VALUE))).combine_chunks()
    counts["superseded"] += rows.num_rows - latest.num_rows
    counts["merged"] += latest.num_rows - changes.num_rows
    counts["intervals"] += changes.num_rows
    starts = changes.column(VALID_FROM).to_numpy()
    is_last = np.append(_is_new(changes, *_GROUP)[1:], True)
    valid_to = pa.array(np.append(starts[1:], 0), pa.int64(), mask=is_last)
    return changes.append_column(VALID_TO, valid_to)


def _numbers(
    values: pa.ChunkedArray, style: str, max_number: float, counts: dict[str, int]
) -> pa.Array:
    # Values repeat: the patterns look at each one once.
    encoded = values.combine_chunks().dictionary_encode()
    known = encoded.dictionary
    single = pc.match_substring_regex(known, _PREFIXED if style == "prefixed" else _PLAIN)
    text = pc.if_else(single, known, None)
    digits = pc.utf8_ltrim(text, "n+") if style == "prefixed" else pc.utf8_ltrim(text, "+")
    number = digits.cast(pa.float64())
    small = pc.less_equal(pc.abs(number), max_number)
    kept = pc.if_else(small, number, None).take(encoded.indices)
    counts["numbers"] += len(kept) - kept.null_count
    too_large = pc.fill_null(pc.invert(small), False).take(encoded.indices)
    counts["numbers_too_large"] += pc.sum(too_large).as_py() or 0
    return kept
