"""Valid events as the canonical tables: duplicates out, codes given, bots flagged, sorted."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from endcap.columns import (
    EVENT_ID,
    EVENT_TIME,
    EVENT_TYPE,
    EVENT_TYPE_CODE,
    FIRST_SEEN,
    IS_BOT,
    ITEM_CODE,
    ITEM_ID,
    TRANSACTION_ID,
    USER_CODE,
    USER_ID,
)
from endcap.config import CleaningConfig
from endcap.dataset.bots import flag_bots
from endcap.dataset.histories import EventTypes

UTC_MS: Final = pa.timestamp("ms", tz="UTC")
DAY_MS: Final = 86_400_000

INTERACTIONS: Final = pa.schema(
    [
        (EVENT_ID, pa.string()),
        (USER_ID, pa.string()),
        (ITEM_ID, pa.string()),
        (EVENT_TYPE, pa.string()),
        (EVENT_TIME, UTC_MS),
        (TRANSACTION_ID, pa.string()),
        (USER_CODE, pa.int32()),
        (ITEM_CODE, pa.int32()),
        (EVENT_TYPE_CODE, pa.int8()),
        (IS_BOT, pa.bool_()),
    ]
)

# Lengths make the hashed text unambiguous whatever characters an id holds; 20 hexadecimal digits
# keep the chance of one collision among a thousand million events below one in a million.
_EVENT_ID_SQL: Final = """left(md5(concat_ws('|',
    length(user_id), user_id, length(item_id), item_id, type_name, time_ms,
    coalesce('t' || transaction_id, ''))), 20)"""


def create_staging(connection: DuckDBPyConnection, types: EventTypes) -> None:
    """Make the table ``staged`` that valid events are appended to as they are read."""
    connection.execute(
        """CREATE TABLE staged (user_id VARCHAR, item_id VARCHAR, event_type TINYINT,
           time_ms BIGINT, transaction_id VARCHAR, file_index INTEGER, row_number BIGINT,
           raw VARCHAR)"""
    )
    connection.execute("CREATE TABLE event_types (code TINYINT, type_name VARCHAR)")
    rows = [(code, name) for code, name in enumerate(types.names)]
    connection.executemany("INSERT INTO event_types VALUES (?, ?)", rows)


def build_events(connection: DuckDBPyConnection, config: CleaningConfig) -> None:
    """Turn ``staged`` into ``events``, ``duplicates``, ``items``, ``users`` and ``bot_events``.

    Of exact duplicates the first in reading order is an event, the others are duplicates.
    """
    connection.execute(
        f"""CREATE TABLE identified AS
            SELECT staged.*, type_name, {_EVENT_ID_SQL} AS event_id
            FROM staged JOIN event_types ON staged.event_type = event_types.code"""  # noqa: S608  constants
    )
    connection.execute("DROP TABLE staged")
    connection.execute(
        """CREATE TABLE repeated AS
           SELECT event_id, min({'file': file_index, 'row': row_number}) AS first
           FROM identified GROUP BY event_id HAVING count(*) > 1"""
    )
    connection.execute(
        """CREATE TABLE duplicates AS
           SELECT file_index, row_number, raw FROM identified JOIN repeated USING (event_id)
           WHERE {'file': file_index, 'row': row_number} > first"""
    )
    connection.execute(
        """CREATE TABLE events AS
           SELECT event_id, user_id, item_id, event_type, type_name, time_ms, transaction_id,
                  file_index, row_number
           FROM identified ANTI JOIN duplicates USING (file_index, row_number)"""
    )
    connection.execute("DROP TABLE identified")
    for table, key, code in (("items", ITEM_ID, ITEM_CODE), ("users", USER_ID, USER_CODE)):
        connection.execute(
            f"""CREATE TABLE {table} AS
                SELECT (row_number() OVER (ORDER BY first_ms, {key}) - 1)::INTEGER AS {code},
                       {key}, first_ms
                FROM (SELECT {key}, min(time_ms) AS first_ms FROM events GROUP BY {key})"""  # noqa: S608  constants
        )
    flag_bots(connection, config)


def write_codes(connection: DuckDBPyConnection, out: Path) -> None:
    """Write ``items.parquet`` and ``users.parquet``."""
    for table, key, code in (("items", ITEM_ID, ITEM_CODE), ("users", USER_ID, USER_CODE)):
        found = connection.sql(
            f"SELECT {code}, {key}, first_ms AS {FIRST_SEEN} FROM {table} ORDER BY {code}"  # noqa: S608  constants
        ).to_arrow_table()
        schema = pa.schema([(code, pa.int32()), (key, pa.string()), (FIRST_SEEN, UTC_MS)])
        write_table(found.cast(schema), out / f"{table}.parquet")


def write_interactions(connection: DuckDBPyConnection, out: Path) -> None:
    """Write ``interactions/event_date=YYYY-MM-DD/part-0.parquet``, each day whole."""
    reader = connection.sql(
        """SELECT event_id, user_id, item_id, type_name AS event_type, time_ms AS event_time,
                  transaction_id, user_code, item_code, event_type AS event_type_code,
                  bot_events.event_id IS NOT NULL AS is_bot
           FROM events JOIN users USING (user_id) JOIN items USING (item_id)
                LEFT JOIN bot_events USING (event_id)
           ORDER BY time_ms, file_index, row_number"""
    ).to_arrow_reader(65_536)
    for day, table in _by_day(reader):
        folder = out / "interactions" / f"event_date={day}"
        folder.mkdir(parents=True)
        write_table(table, folder / "part-0.parquet")


def _by_day(reader: pa.RecordBatchReader) -> Iterator[tuple[str, pa.Table]]:
    """Yield (UTC date, its rows) of batches that are sorted by time."""
    pending: list[pa.RecordBatch] = []
    current: int | None = None
    for batch in reader:
        days = batch.column(EVENT_TIME).to_numpy() // DAY_MS
        starts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        for low, high in pairwise(starts):
            if low == high:
                continue
            if current is not None and days[low] != current:
                yield _date(current), _cast(pending)
                pending = []
            current = int(days[low])
            pending.append(batch.slice(low, high - low))
    if current is not None:
        yield _date(current), _cast(pending)


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))


def _cast(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches).cast(INTERACTIONS).combine_chunks()


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file: the same rows give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.combine_chunks(), path, compression="zstd", row_group_size=131_072)


def stage_batch(
    connection: DuckDBPyConnection,
    table: pa.Table,
    *,
    file_index: int,
    row_number: NDArray[np.int64],
    raw: pa.Array,
) -> None:
    """Append the valid events of one batch to ``staged``."""
    staged = pa.table(
        {
            USER_ID: table.column(USER_ID),
            ITEM_ID: table.column(ITEM_ID),
            EVENT_TYPE: table.column(EVENT_TYPE),
            "time_ms": table.column(EVENT_TIME),
            TRANSACTION_ID: table.column(TRANSACTION_ID),
            "file_index": pa.array(np.full(len(table), file_index, dtype=np.int32)),
            "row_number": pa.array(row_number),
            "raw": raw,
        }
    )
    connection.register("batch", staged)
    connection.execute("INSERT INTO staged SELECT * FROM batch")
    connection.unregister("batch")


def raw_text(lines: Sequence[bytes | str], index: NDArray[np.int64]) -> pa.Array:
    """Return the raw rows at `index` as strings, to show a duplicate by."""
    if isinstance(lines, (pa.Array, pa.ChunkedArray)):
        return lines.take(pa.array(index)).cast(pa.string())
    found = (lines[i] for i in index.tolist())
    texts = (line.decode() if isinstance(line, bytes) else line for line in found)
    return pa.array(texts, pa.string())
