"""What a cleaned log is like, in numbers: the facts of the data report."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection

from endcap.columns import CATEGORY_PROPERTY, PRICE_PROPERTY
from endcap.dataset.histories import EventTypes
from endcap.dataset.interactions import DAY_MS, Events
from endcap.dataset.property_rows import PropertyRows


def summarise_events(
    events: Events, types: EventTypes, *, session_timeout_minutes: float
) -> dict[str, Any]:
    """Return dates, event types, visitors, items, bots, sessions and sparsity of one event or more.

    Sessions, visitors and items count bots too, except `sessions`, which leaves their events out.
    Sparsity is the share of (visitor, item) pairs that never met.
    """
    first, last = int(events.time_ms[0]), int(events.time_ms[-1])
    users, items = len(events.users), len(events.items)
    pair = np.sort(events.user.astype(np.int64) * items + events.item)
    pairs = 1 + int(np.count_nonzero(pair[1:] != pair[:-1]))
    of_type = np.bincount(events.event_type, minlength=len(types.names)).tolist()
    per_item = np.bincount(events.item)
    return {
        "rows": len(events),
        "first_event": iso(first),
        "last_event": iso(last),
        "first_event_ms": first,
        "last_event_ms": last,
        "span_days": round((last - first) / DAY_MS, 3),
        "by_type": dict(zip(types.names, of_type, strict=True)),
        "by_day": _by_day(events),
        "visitors": _visitors(events),
        "items": {
            "count": items,
            "one_event_share": round(np.count_nonzero(per_item == 1) / items, 6),
        },
        "bots": _bots(events),
        "sessions": _sessions(events, session_timeout_minutes),
        "sparsity": round(1 - pairs / (users * items), 9),
    }


def summarise_properties(
    connection: DuckDBPyConnection, rows: PropertyRows, categories: int
) -> dict[str, Any]:
    """Return how the properties that were read, and ``tree``, join to the event's ``items``."""
    (items,) = _row(connection, "SELECT count(DISTINCT item_id) FROM property_items")
    (event_items,) = _row(connection, "SELECT count(*) FROM items")
    (joined,) = _row(
        connection,
        "SELECT count(*) FROM items WHERE item_id IN (SELECT item_id FROM property_items)",
    )
    priced = _items_with(connection, rows, PRICE_PROPERTY, "TRUE")
    placed = _items_with(
        connection, rows, CATEGORY_PROPERTY, "value IN (SELECT category_id FROM tree)"
    )
    return {
        "rows": rows.rows,
        "items": items,
        "properties": rows.properties,
        "event_items": event_items,
        "event_items_with_properties": joined,
        "event_items_with_price": priced,
        "event_items_in_category_tree": placed,
        "join_coverage": round(joined / event_items, 6) if event_items else 0.0,
        "categories": categories,
    }


def iso(time_ms: int) -> str:
    """Return epoch milliseconds as ISO 8601 text in UTC."""
    moment = datetime.fromtimestamp(time_ms // 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def _row(connection: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(sql).fetchall()[0]
    return found


def _by_day(events: Events) -> list[dict[str, Any]]:
    day, counts = np.unique(events.time_ms // DAY_MS, return_counts=True)
    pairs = zip(day.tolist(), counts.tolist(), strict=True)
    return [{"date": iso(day * DAY_MS)[:10], "events": count} for day, count in pairs]


def _visitors(events: Events) -> dict[str, Any]:
    counts = np.sort(np.bincount(events.user))
    users = len(counts)
    return {
        "count": users,
        "events_mean": round(len(events) / users, 6),
        "events_median": int(counts[_quantile(users, 50)]),
        "events_p99": int(counts[_quantile(users, 99)]),
        "events_max": int(counts[-1]),
        "one_event_share": round(np.count_nonzero(counts == 1) / users, 6),
    }


def _quantile(count: int, percent: int) -> int:
    """Return the place of a quantile among sorted values: the first that as many are up to."""
    return -(-count * percent // 100) - 1


def _bots(events: Events) -> dict[str, Any]:
    flagged = events.user[events.is_bot]
    return {
        "visitors": len(np.unique(flagged)),
        "events": len(flagged),
        "share": round(len(flagged) / len(events), 6),
    }


def _sessions(events: Events, timeout_minutes: float) -> dict[str, Any]:
    people = ~events.is_bot
    user, time_ms = events.user[people], events.time_ms[people]
    order = np.argsort(user, kind="stable")
    user, time_ms = user[order], time_ms[order]
    goes_on = (user[1:] == user[:-1]) & (np.diff(time_ms) <= round(timeout_minutes * 60_000))
    count = len(user) - int(np.count_nonzero(goes_on))
    return {
        "count": count,
        "timeout_minutes": timeout_minutes,
        "events_mean": round(len(user) / count, 6) if count else 0.0,
    }


def _items_with(
    connection: DuckDBPyConnection, rows: PropertyRows, name: str, condition: str
) -> int:
    if name not in rows.names:
        return 0
    (count,) = _row(
        connection,
        f"""SELECT count(*) FROM items WHERE item_id IN (
                SELECT CASE WHEN item < 0 THEN item_text ELSE item::VARCHAR END
                FROM (SELECT DISTINCT item, item_text FROM staged_properties
                      WHERE property = {rows.names.index(name)} AND {condition}))""",  # noqa: S608  constants
    )
    return int(count)
