"""What a cleaned log is like, in numbers: the facts of the data report."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import CATEGORY_PROPERTY, PRICE_PROPERTY
from endcap.dataset.arrays import begins_run
from endcap.dataset.histories import EventTypes
from endcap.dataset.interactions import DAY_MS, Events
from endcap.dataset.property_rows import PropertyColumns, PropertyRows


def summarise_events(
    events: Events, types: EventTypes, *, session_timeout_minutes: float
) -> dict[str, Any]:
    """Return dates, event types, visitors, items, bots, sessions and sparsity of one event or more.

    Sessions, visitors and items count bots too, except `sessions`, which leaves their events out.
    Sparsity is the share of (visitor, item) pairs that never met. `moments`: how many times a
    visitor who is no bot did something again; lines of one order that follow each other are one.
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
        "moments": _moments(events),
        "visitors": _visitors(events),
        "items": {
            "count": items,
            "one_event_share": round(np.count_nonzero(per_item == 1) / items, 6),
        },
        "bots": _bots(events),
        "sessions": _sessions(events, session_timeout_minutes),
        "sparsity": round(1 - pairs / (users * items), 9),
    }


@dataclass(frozen=True)
class PropertyItems:
    """The distinct items with properties: with `some`, a `price`, a `category` of the tree."""

    rows: int
    properties: int
    categories: int
    some: pa.Array
    price: pa.Array
    category: pa.Array

    @classmethod
    def of(cls, rows: PropertyRows, wanted: PropertyColumns, categories: Collection[str]) -> Self:
        """Find them in what was read. `wanted`: what `rows` kept; `categories`: the tree's."""
        in_tree = pc.is_in(wanted.values, pa.array(categories, pa.string()))
        placed = in_tree.to_numpy(zero_copy_only=False)[wanted.value]
        return cls(
            rows=rows.rows,
            properties=rows.properties,
            categories=len(categories),
            some=rows.items(),
            price=_items_with(wanted, PRICE_PROPERTY),
            category=_items_with(wanted, CATEGORY_PROPERTY, placed),
        )

    def joins(self, event_items: pa.Array) -> dict[str, Any]:
        """Return how the properties that were read, and the tree, join to the events' items."""
        joined, priced, placed = _counts_in((self.some, self.price, self.category), event_items)
        return {
            "rows": self.rows,
            "items": len(self.some),
            "properties": self.properties,
            "event_items": len(event_items),
            "event_items_with_properties": joined,
            "event_items_with_price": priced,
            "event_items_in_category_tree": placed,
            "join_coverage": round(joined / len(event_items), 6) if len(event_items) else 0.0,
            "categories": self.categories,
        }


def iso(time_ms: int) -> str:
    """Return epoch milliseconds as ISO 8601 text in UTC."""
    moment = datetime.fromtimestamp(time_ms // 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def _by_day(events: Events) -> list[dict[str, Any]]:
    day, counts = np.unique(events.time_ms // DAY_MS, return_counts=True)
    pairs = zip(day.tolist(), counts.tolist(), strict=True)
    return [{"date": iso(day * DAY_MS)[:10], "events": count} for day, count in pairs]


def _moments(events: Events) -> int:
    people = ~events.is_bot
    begun = np.count_nonzero(begins_run(events.time_ms, events.user) & people)
    return int(begun) - int(np.count_nonzero(np.bincount(events.user[people])))


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
    count = events.sessions.count
    people = len(events) - int(np.count_nonzero(events.is_bot))
    return {
        "count": count,
        "timeout_minutes": timeout_minutes,
        "events_mean": round(people / count, 6) if count else 0.0,
    }


def _items_with(
    rows: PropertyColumns, name: str, among: NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return the distinct items that have a property, in one of the rows `among` all."""
    if name not in rows.names:
        return rows.items[:0]
    found = rows.property == rows.names.index(name)
    if among is not None:
        found &= among
    has = np.zeros(len(rows.items), dtype=np.bool_)
    has[rows.item[found]] = True
    return rows.items.filter(pa.array(has))


def _counts_in(several: Sequence[pa.Array], known: pa.Array) -> list[int]:
    """Return how many ids of each array are known: all in one go, the known being many."""
    is_known = pc.is_in(pa.concat_arrays(several), known).to_numpy(zero_copy_only=False)
    edges = np.cumsum([len(ids) for ids in several])[:-1]
    return [int(np.count_nonzero(some)) for some in np.split(is_known, edges)]
