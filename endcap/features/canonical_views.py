"""What an engine shows of the canonical tables as of a cut: one SQL text for all engines."""

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from endcap import columns as c
from endcap.features.as_of import instant

_PROPERTIES: Final = (c.PRICE_PROPERTY, c.CATEGORY_PROPERTY, c.AVAILABLE_PROPERTY)

_SELECT: Final = {
    "interactions": (
        "SELECT user_code, item_code, event_type_code, {ms}(event_time) AS event_ms, event_id,"
        " session_code AS session, session_place AS place,"
        " CASE WHEN {ms}(session_next_time) < {cut_ms} THEN FALSE ELSE TRUE END AS ends,"
        " previous_item_code AS previous, before_item_code AS before"
        " FROM {source} WHERE {ms}(event_time) < {cut_ms} AND NOT is_bot"
    ),
    "items": (
        "SELECT item_code, item_id, {ms}(first_seen) AS first_seen_ms"
        " FROM {source} WHERE {ms}(first_seen) < {cut_ms}"
    ),
    "item_properties": (
        "SELECT item_id, property, value, number, {ms}(valid_from) AS valid_from_ms,"
        " CASE WHEN {ms}(valid_to) < {cut_ms} THEN {ms}(valid_to) END AS valid_to_ms"
        " FROM {source} WHERE {ms}(valid_from) < {cut_ms} AND property IN ('{properties}')"
    ),
    "categories": "SELECT category_id, parent_id FROM {source}",
}

TABLES: Final = tuple(_SELECT)
"""The names of the views, which are also the names of the tables in a cleaned folder."""

_TIMESTAMP: Final = pa.timestamp("ms", tz="UTC")
EMPTY: Final = {
    "interactions": pa.schema(
        [
            (c.USER_CODE, pa.int32()),
            (c.ITEM_CODE, pa.int32()),
            (c.EVENT_TYPE_CODE, pa.int8()),
            (c.EVENT_TIME, _TIMESTAMP),
            (c.EVENT_ID, pa.string()),
            (c.IS_BOT, pa.bool_()),
            (c.SESSION_CODE, pa.int32()),
            (c.SESSION_PLACE, pa.int32()),
            (c.SESSION_NEXT, _TIMESTAMP),
            (c.PREVIOUS_ITEM_CODE, pa.int32()),
            (c.BEFORE_ITEM_CODE, pa.int32()),
        ]
    ),
    "items": pa.schema(
        [(c.ITEM_CODE, pa.int32()), (c.ITEM_ID, pa.string()), (c.FIRST_SEEN, _TIMESTAMP)]
    ),
    "item_properties": pa.schema(
        [
            (c.ITEM_ID, pa.string()),
            (c.PROPERTY, pa.string()),
            (c.VALUE, pa.string()),
            (c.NUMBER, pa.float64()),
            (c.VALID_FROM, _TIMESTAMP),
            (c.VALID_TO, _TIMESTAMP),
        ]
    ),
    "categories": pa.schema([(c.CATEGORY_ID, pa.string()), (c.PARENT_ID, pa.string())]),
}
"""What stands for a table that has no files."""


def view_sql(name: str, *, source: str, cut_ms: int, ms: str) -> str:
    """Return the query behind the view `name`.

    `source`: the canonical table in the engine's SQL. `ms`: the engine's function from a timestamp
    to epoch milliseconds.
    """
    properties = "', '".join(_PROPERTIES)
    return _SELECT[name].format(source=source, cut_ms=cut_ms, ms=ms, properties=properties)


def table_files(files: Iterable[str], name: str, cut_ms: int) -> list[str]:
    """Return those of a cleaned folder's files that hold a table's rows before the cut, sorted.

    `files`: POSIX paths relative to the folder.

    >>> table_files(["items.parquet", "categories/part-0.parquet"], "items", 0)
    ['items.parquet']
    >>> days = [f"interactions/event_date=1970-01-0{day}/part-0.parquet" for day in (1, 2)]
    >>> table_files(days, "interactions", 86_400_000)
    ['interactions/event_date=1970-01-01/part-0.parquet']
    """
    last_partition = f"event_date={instant(cut_ms - 1).date().isoformat()}"
    return sorted(
        file
        for file in files
        if file == f"{name}.parquet"
        or (
            file.startswith(f"{name}/")
            and file.endswith(".parquet")
            and all(
                not part.startswith("event_date=") or part <= last_partition
                for part in file.split("/")
            )
        )
    )
