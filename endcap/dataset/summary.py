"""What a cleaned log is like, in numbers: the facts of the data report."""

from datetime import UTC, datetime
from typing import Any

from duckdb import DuckDBPyConnection

from endcap.columns import CATEGORY_PROPERTY, PRICE_PROPERTY
from endcap.dataset.histories import EventTypes


def summarise_events(
    connection: DuckDBPyConnection, types: EventTypes, *, session_timeout_minutes: float
) -> dict[str, Any]:
    """Return dates, event types, visitors, items, bots, sessions and sparsity of table ``events``.

    Sessions, visitors and items count bots too, except `sessions`, which leaves their events out.
    Sparsity is the share of (visitor, item) pairs that never met.
    """
    rows, first, last, users, items = _row(
        connection,
        """SELECT count(*), min(time_ms), max(time_ms), count(DISTINCT user_id),
                  count(DISTINCT item_id) FROM events""",
    )
    (pairs,) = _row(
        connection, "SELECT count(*) FROM (SELECT DISTINCT user_id, item_id FROM events)"
    )
    counted = dict(
        connection.execute("SELECT type_name, count(*) FROM events GROUP BY type_name").fetchall()
    )
    return {
        "rows": rows,
        "first_event": iso(first),
        "last_event": iso(last),
        "first_event_ms": first,
        "last_event_ms": last,
        "span_days": round((last - first) / 86_400_000, 3),
        "by_type": {name: counted.get(name, 0) for name in types.names},
        "by_day": _by_day(connection),
        "visitors": _visitors(connection),
        "items": {"count": items, "one_event_share": _one_event_share(connection, "item_id")},
        "bots": _bots(connection, rows),
        "sessions": _sessions(connection, session_timeout_minutes),
        "sparsity": round(1 - pairs / (users * items), 9),
    }


def summarise_properties(connection: DuckDBPyConnection, categories: int) -> dict[str, Any]:
    """Return how the staged properties and ``tree`` join to the items of ``events``."""
    rows, items, names = _row(
        connection,
        """SELECT count(*), count(DISTINCT item_id), count(DISTINCT property)
           FROM staged_properties""",
    )
    (event_items,) = _row(connection, "SELECT count(*) FROM items")
    joined = _items_with(connection, "TRUE")
    priced = _items_with(connection, f"property = '{PRICE_PROPERTY}'")
    placed = _items_with(
        connection,
        f"property = '{CATEGORY_PROPERTY}' AND value IN (SELECT category_id FROM tree)",  # noqa: S608
    )
    return {
        "rows": rows,
        "items": items,
        "properties": names,
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


def _by_day(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    found = connection.execute(
        "SELECT time_ms // 86400000 AS day, count(*) FROM events GROUP BY day ORDER BY day"
    ).fetchall()
    return [{"date": iso(day * 86_400_000)[:10], "events": count} for day, count in found]


def _visitors(connection: DuckDBPyConnection) -> dict[str, Any]:
    users, mean, median, p99, most, single = _row(
        connection,
        """SELECT count(*), avg(n), quantile_disc(n, 0.5), quantile_disc(n, 0.99), max(n),
                  count(*) FILTER (n = 1)
           FROM (SELECT count(*) AS n FROM events GROUP BY user_id)""",
    )
    return {
        "count": users,
        "events_mean": round(mean, 6),
        "events_median": median,
        "events_p99": p99,
        "events_max": most,
        "one_event_share": round(single / users, 6),
    }


def _one_event_share(connection: DuckDBPyConnection, key: str) -> float:
    (single,) = _row(
        connection,
        f"SELECT avg((n = 1)::INTEGER) FROM (SELECT count(*) AS n FROM events GROUP BY {key})",  # noqa: S608
    )
    share: float = round(single, 6)
    return share


def _bots(connection: DuckDBPyConnection, rows: int) -> dict[str, Any]:
    events, visitors = _row(
        connection,
        """SELECT count(*), count(DISTINCT user_id)
           FROM events WHERE event_id IN (SELECT event_id FROM bot_events)""",
    )
    return {"visitors": visitors, "events": events, "share": round(events / rows, 6)}


def _sessions(connection: DuckDBPyConnection, timeout_minutes: float) -> dict[str, Any]:
    timeout_ms = round(timeout_minutes * 60_000)
    count, events = _row(
        connection,
        f"""SELECT count(*) FILTER (gap IS NULL OR gap > {timeout_ms}), count(*) FROM (
                SELECT time_ms - lag(time_ms) OVER (PARTITION BY user_id ORDER BY time_ms) AS gap
                FROM events WHERE event_id NOT IN (SELECT event_id FROM bot_events))""",  # noqa: S608  a whole number
    )
    return {
        "count": count,
        "timeout_minutes": timeout_minutes,
        "events_mean": round(events / count, 6) if count else 0.0,
    }


def _items_with(connection: DuckDBPyConnection, condition: str) -> int:
    (count,) = _row(
        connection,
        f"""SELECT count(*) FROM items WHERE item_id IN (
                SELECT item_id FROM staged_properties WHERE {condition})""",  # noqa: S608  constants
    )
    return int(count)
