"""What visitors do, as columns of numbers whose distributions can be compared."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import CART_CODE, PURCHASE_CODE, Histories
from endcap.features.item_table import ItemTable

COLUMNS: Final = (
    "log_price",
    "in_stock",
    "popularity_rank",
    "category_rank",
    "known_item",
    "hour_of_day",
    "added_to_cart",
    "bought",
    "log_seconds_since_previous",
    "events_in_session",
)
"""What is compared, one value an event; see `traffic_columns`."""

_HOUR_MS: Final = 3_600_000
_HOURS: Final = 24


def traffic_columns(
    traffic: Histories, items: ItemTable, popularity: NDArray[np.float32], *, seed: int
) -> Mapping[str, NDArray[np.float64]]:
    """Return one event's values for each visitor: column of `COLUMNS` -> float64 (visitors,).

    A visitor's events depend on each other, and the tests that follow need values that do not; so
    one event of each is drawn, by `seed`. What an event has no value for is NaN.

    Parameters
    ----------
    traffic
        The window's events, in the codes of `items`; visitors without events are left out.
    items
        What was known of items when the window began: no column knows its own window.
    popularity
        float32 (items,): how popular each was by then; the columns have its rank, from 0 to 1.
    """
    seen = np.flatnonzero(traffic.lengths() > 0)
    start, lengths = traffic.ptr[seen], traffic.lengths()[seen]
    drawn = start + np.random.default_rng(seed).integers(0, lengths)
    item, kind, time_ms = traffic.item[drawn], traffic.event_type[drawn], traffic.time_ms[drawn]
    is_known = item >= 0
    previous = np.where(drawn > start, traffic.time_ms[np.maximum(drawn - 1, 0)], -1)
    gap_seconds = np.where(previous >= 0, (time_ms - previous) / 1000, np.nan)
    return {
        "log_price": _of_item(items.log_price, item),
        "in_stock": _of_item(items.available, item),
        "popularity_rank": _of_item(_ranks(popularity), item),
        "category_rank": _of_item(_category_ranks(items), item),
        "known_item": is_known.astype(np.float64),
        "hour_of_day": (time_ms / _HOUR_MS) % _HOURS,
        "added_to_cart": (kind == CART_CODE).astype(np.float64),
        "bought": (kind == PURCHASE_CODE).astype(np.float64),
        "log_seconds_since_previous": np.log1p(gap_seconds),
        "events_in_session": _session_lengths(traffic, int(items.session_timeout_ms[0]))[drawn],
    }


def _of_item(values: NDArray[np.floating], item: NDArray[np.int32]) -> NDArray[np.float64]:
    found = np.full(len(item), np.nan)
    found[item >= 0] = values[item[item >= 0]]
    return found


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return each value's place among all, from 0 (least) to 1; equals share a place."""
    ordered = np.sort(values)
    middle = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(middle / (2 * max(len(values), 1)))


def _category_ranks(items: ItemTable) -> NDArray[np.float64]:
    """Return, by item, the place of its category among all, those with most items last."""
    is_filed = items.category >= 0
    sizes = np.bincount(items.category[is_filed], minlength=len(items.category_ids))
    ranks = np.full(items.n_items, np.nan)
    # Equal sizes are told apart by code: two categories must not look like one.
    place = np.empty(len(sizes))
    place[np.lexsort((np.arange(len(sizes)), sizes))] = np.arange(len(sizes)) / max(len(sizes), 1)
    ranks[is_filed] = place[items.category[is_filed]]
    return ranks


def _session_lengths(traffic: Histories, timeout_ms: int) -> NDArray[np.float64]:
    """Return, by event, how many events its session has."""
    if not len(traffic.item):
        return np.empty(0)
    begins = np.ones(len(traffic.item), dtype=bool)
    begins[1:] = np.diff(traffic.time_ms) > timeout_ms
    firsts = traffic.ptr[:-1]
    begins[firsts[firsts < len(begins)]] = True
    session = np.cumsum(begins) - 1
    lengths: NDArray[np.int64] = np.bincount(session)[session]
    return lengths.astype(np.float64)
