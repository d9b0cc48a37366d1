"""Histories of the visitors whom the champion's log knows, for a service that is new."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.dataset as ds

from endcap import columns as c
from endcap.ports import HistoryStore, Lake, VisitorEvent
from endcap.use_cases.champions import require_champion
from endcap.use_cases.runs import CLEAN, open_run

EVENTS_AT_ONCE: Final = 5_000
DEFAULT_DAYS: Final = 30

_DAY_MS: Final = 86_400_000
_COLUMNS: Final = (
    c.EVENT_ID,
    c.USER_ID,
    c.ITEM_ID,
    c.EVENT_TYPE,
    c.EVENT_TIME,
    c.TRANSACTION_ID,
)


def seed_histories(
    lake: Lake,
    history: HistoryStore,
    *,
    days: float = DEFAULT_DAYS,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Add the last `days` of the champion's log to the histories, and return how many events.

    To do it again adds nothing. `on_progress` is called with the number of events so far. Raises
    `NotFoundError` if there is no champion or its log is gone, `HistoryUnavailableError`.
    """
    champion = require_champion(lake)
    clean = open_run(champion.run_id, lake).ref(CLEAN)
    n = 0
    with lake.open(clean.path, only=["interactions/"]) as folder:
        for events in _read(folder, since_ms=champion.cut_ms - int(days * _DAY_MS)):
            history.add(events)
            n += len(events)
            if on_progress is not None:
                on_progress(n)
    return n


def _read(clean_folder: Path, *, since_ms: int) -> Iterator[list[VisitorEvent]]:
    table = ds.dataset(clean_folder / "interactions", format="parquet")
    time_ms = pc.field(c.EVENT_TIME).cast("int64")
    batches = table.to_batches(
        columns={**{name: pc.field(name) for name in _COLUMNS}, c.EVENT_TIME: time_ms},
        filter=time_ms >= since_ms,
        batch_size=EVENTS_AT_ONCE,
    )
    for batch in batches:
        if batch.num_rows:
            yield [_event(row) for row in batch.to_pylist()]


def _event(row: dict[str, Any]) -> VisitorEvent:
    return VisitorEvent(
        event_id=str(row[c.EVENT_ID]),
        user_id=row[c.USER_ID],
        item_id=row[c.ITEM_ID],
        event_type=row[c.EVENT_TYPE],
        time_ms=row[c.EVENT_TIME],
        transaction_id=row[c.TRANSACTION_ID],
    )
