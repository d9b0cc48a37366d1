"""What a service would have recorded: the newest days of a log, played again at another time."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.dataset as ds

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.segment_log import SegmentLog
from endcap.ports import EVENTS, EXPOSURES, Record, VisitorEvent
from endcap.use_cases.champions import require_champion
from endcap.use_cases.runs import CLEAN, open_run

DAY_MS = 86_400_000


def last_days(lake: Path, days: float) -> list[VisitorEvent]:
    """Return the newest events of the champion's log, oldest first."""
    opened = FolderLake(lake)
    champion = require_champion(opened)
    clean = open_run(champion.run_id, opened).ref(CLEAN)
    names = ["event_id", "user_id", "item_id", "event_type", "event_time"]
    with opened.open(clean.path, only=["interactions/"]) as folder:
        rows = ds.dataset(folder / "interactions", format="parquet").to_table(names).to_pylist()
    events = [
        VisitorEvent(
            str(row["event_id"]),
            row["user_id"],
            row["item_id"],
            row["event_type"],
            int(row["event_time"].timestamp() * 1000),
        )
        for row in rows
    ]
    since_ms = champion.cut_ms - int(days * DAY_MS)
    return sorted((e for e in events if e.time_ms >= since_ms), key=lambda e: e.time_ms)


def record(
    state: Path, events: list[VisitorEvent], change: Callable[[VisitorEvent], VisitorEvent]
) -> int:
    """Fill a service's log with changed events, and return the moment after the last one."""
    log = SegmentLog(state / "log")
    changed = [change(event) for event in events]
    log.append(EVENTS, [Record(event.time_ms, asdict(event)) for event in changed])
    return max(event.time_ms for event in changed) + 1


def show(state: Path, name: str, event: VisitorEvent, items: list[str]) -> None:
    """Note that an event's visitor was shown items just before it."""
    fields = {
        "recommendation_id": name,
        "user_id": event.user_id,
        "model_version": "m",
        "items": items,
    }
    SegmentLog(state / "log").append(EXPOSURES, [Record(event.time_ms - 1000, fields)])


def later(days: float) -> Callable[[VisitorEvent], VisitorEvent]:
    """Return what moves an event into the future."""
    return lambda event: replace(event, time_ms=event.time_ms + int(days * DAY_MS))
