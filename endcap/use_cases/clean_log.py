"""What a run's cleaned log holds, read from the lake."""

from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from endcap import columns as c
from endcap.dataset.histories import EventTypes
from endcap.dataset.log import InteractionLog, count_known, load_log
from endcap.use_cases.runs import CLEAN, Run

_EVENT_TYPES: Final = "event_types.json"
_ITEMS: Final = "items.parquet"
_USERS: Final = "users.parquet"


def read_log(run: Run, *, before_ms: int) -> InteractionLog:
    """Return the events before `before_ms` (UTC epoch ms). Raises `NotFoundError`."""
    path = run.ref(CLEAN).path
    with run.lake.open(path, only=["interactions/", _ITEMS, _USERS]) as folder:
        return load_log(folder, before_ms=before_ms)


def read_event_types(run: Run) -> EventTypes:
    """Return the shop's event types. Raises `NotFoundError`."""
    with run.lake.open(run.ref(CLEAN).path, only=[_EVENT_TYPES]) as folder:
        return EventTypes.load(folder / _EVENT_TYPES)


def count_items(run: Run, *, before_ms: int) -> int:
    """Return how many items were first seen before `before_ms`. Raises `NotFoundError`."""
    with run.lake.open(run.ref(CLEAN).path, only=[_ITEMS]) as folder:
        return count_known(folder / _ITEMS, before_ms=before_ms)


def read_item_ids(run: Run, *, before_ms: int) -> list[str]:
    """Return the ids, by code, of the items first seen before `before_ms`.

    Raises `NotFoundError`.
    """
    with run.lake.open(run.ref(CLEAN).path, only=[_ITEMS]) as folder:
        return _ids_by_code(folder / _ITEMS, c.ITEM_ID, before_ms)


def read_user_ids(run: Run, *, before_ms: int) -> list[str]:
    """Return the ids, by code, of the visitors first seen before `before_ms`.

    Raises `NotFoundError`.
    """
    with run.lake.open(run.ref(CLEAN).path, only=[_USERS]) as folder:
        return _ids_by_code(folder / _USERS, c.USER_ID, before_ms)


def _ids_by_code(table_file: Path, column: str, before_ms: int) -> list[str]:
    # Codes are given in order of first appearance, and the tables are sorted by code.
    ids: list[str] = pq.read_table(table_file, columns=[column]).column(column).to_pylist()
    return ids[: count_known(table_file, before_ms=before_ms)]
