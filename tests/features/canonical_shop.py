"""Tiny canonical tables made by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.interactions import session_columns
from endcap.dataset.sessions import cut_sessions
from endcap.features.families import FAMILIES, build_family

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_433_116_800_000
"""2015-06-01, a Monday, 00:00 UTC."""

VIEW, CART, BUY = 0, 1, 2
_TIME = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True)
class Event:
    at: int
    user: int
    item: str
    kind: int = VIEW
    bot: bool = False


@dataclass(frozen=True)
class Property:
    item: str
    name: str
    value: str
    since: int
    until: int | None = None


def price(item: str, value: float, since: int, until: int | None = None) -> Property:
    return Property(item, "790", f"n{value:.3f}", since, until)


def write_shop(
    folder: Path,
    events: Sequence[Event],
    properties: Sequence[Property] = (),
    categories: Sequence[tuple[str, str | None]] = (),
) -> Path:
    """Write the canonical tables, codes by first appearance, partitions by date."""
    ordered = sorted(events, key=lambda e: (e.at, e.item))
    first: dict[str, int] = {}
    for event in ordered:
        first.setdefault(event.item, event.at)
    codes = {item: code for code, item in enumerate(first)}
    sessions = _sessions(ordered, codes)
    rows = [
        {
            "event_id": f"{number:06d}",
            "user_code": event.user,
            "item_code": codes[event.item],
            "event_type_code": event.kind,
            "event_time": event.at,
            "is_bot": event.bot,
            **{name: column[number] for name, column in sessions.items()},
        }
        for number, event in enumerate(ordered)
    ]
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("user_code", pa.int32()),
            ("item_code", pa.int32()),
            ("event_type_code", pa.int8()),
            ("event_time", _TIME),
            ("is_bot", pa.bool_()),
            ("session_code", pa.int32()),
            ("session_place", pa.int32()),
            ("session_next_time", _TIME),
            ("previous_item_code", pa.int32()),
            ("before_item_code", pa.int32()),
        ]
    )
    dates = [datetime.fromtimestamp(event.at / 1000, tz=UTC).date() for event in ordered]
    for date in sorted(set(dates)):
        day = [row for row, of in zip(rows, dates, strict=True) if of == date]
        target = folder / "interactions" / f"event_date={date}"
        target.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(day, schema), target / "part-0.parquet")
    folder.mkdir(parents=True, exist_ok=True)
    items = pa.table(
        {
            "item_code": pa.array(range(len(first)), pa.int32()),
            "item_id": pa.array(list(first), pa.string()),
            "first_seen": pa.array(list(first.values()), _TIME),
        }
    )
    pq.write_table(items, folder / "items.parquet")
    _write(folder / "item_properties", _properties(properties))
    tree = {
        "category_id": pa.array([child for child, _ in categories], pa.string()),
        "parent_id": pa.array([parent for _, parent in categories], pa.string()),
    }
    _write(folder / "categories", pa.table(tree))
    return folder


def _sessions(ordered: Sequence[Event], codes: Mapping[str, int]) -> dict[str, list[Any]]:
    time_ms = np.array([event.at for event in ordered], dtype=np.int64)
    cuts = cut_sessions(
        np.array([event.user for event in ordered], dtype=np.int32),
        np.array([codes[event.item] for event in ordered], dtype=np.int32),
        np.array([event.kind for event in ordered], dtype=np.int8),
        time_ms,
        np.array([event.bot for event in ordered], dtype=np.bool_),
        timeout_minutes=30.0,
    )
    columns = session_columns(cuts, time_ms, slice(None))
    return {name: column.to_pylist() for name, column in columns.items()}


def build_all(
    clean: Path,
    out: Path,
    cut_ms: int,
    config: FeatureConfig | None = None,
    *,
    threads: int = 1,
    session_timeout_minutes: float = 30.0,
) -> Path:
    for family in FAMILIES:
        build_family(
            family,
            clean,
            out,
            cut_ms=cut_ms,
            config=config or FeatureConfig(),
            threads=threads,
            session_timeout_minutes=session_timeout_minutes,
        )
    return out


def family_columns(
    family: str, clean: Path, out: Path, cut_ms: int, config: FeatureConfig | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return the features of one family by name, without building the others."""
    build_family(
        family,
        clean,
        out,
        cut_ms=cut_ms,
        config=config or FeatureConfig(),
        threads=1,
        session_timeout_minutes=30.0,
    )
    rows = pq.read_table(out / f"{family}.parquet")
    return {name: rows[name].to_numpy() for name in rows.column_names}


def _properties(properties: Sequence[Property]) -> pa.Table:
    numbers = [float(p.value[1:]) if p.value.startswith("n") else None for p in properties]
    return pa.table(
        {
            "item_id": pa.array([p.item for p in properties], pa.string()),
            "property": pa.array([p.name for p in properties], pa.string()),
            "value": pa.array([p.value for p in properties], pa.string()),
            "number": pa.array(numbers, pa.float64()),
            "valid_from": pa.array([p.since for p in properties], _TIME),
            "valid_to": pa.array([p.until for p in properties], _TIME),
        }
    )


def _write(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-0.parquet")
