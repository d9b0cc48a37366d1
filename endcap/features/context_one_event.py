"""User side of a visitor of one event, as most visitors of a shop are: nothing to sum or to group.

What `endcap.features.context` writes of many events, to the bit. Few of these features differ
between candidates, so one row is written for all, and then what differs.
"""

from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.dataset.splits import DAY_MS, HOUR_MS
from endcap.features.context_categories import relation_to
from endcap.features.context_prices import PRICE_RANK
from endcap.features.context_rows import look_up_of, write_columns
from endcap.features.decayed_scores import (
    KINDS,
    fading,
    grown_weights,
    half_lives_ms,
    kinds_of,
    weights_of,
)
from endcap.features.item_table import ItemTable
from endcap.features.registry import names

_NAMES: Final = names("user")
_ZEROS: Final = dict.fromkeys(_NAMES, 0.0)


def _span(first: str, last: str) -> slice:
    return slice(_NAMES.index(first), _NAMES.index(last) + 1)


_TOUCHES: Final = _span("seen_views", "seconds_between_touches")
_CATEGORIES: Final = _span("category_share", "category_transition_support")
_TRANSITIONS: Final = _span("transition_last", "transition_support")
_TO_ITEM: Final = _span("affinity_item", "affinity_item_purchases")
_TO_CATEGORY: Final = _span("affinity_category", "affinity_category_purchases")
_OF_CATEGORY: Final = _span("affinity_category", "affinity_root")


@dataclass(frozen=True, eq=False, repr=False)
class OneEvent:
    """The event: of what type, on what item of what category (-1 for none), and how long ago.

    `affinity` float64 (1 + kinds,): what is left of its weight, in all and by kind. `is_open`: the
    session it began has not ended.
    """

    item: int
    category: int
    event_type: int
    now_ms: int
    idle_seconds: float
    is_open: bool
    affinity: NDArray[np.float64]


def one_event_of(
    histories: Histories,
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> OneEvent | None:
    """Return the only event of the only visitor.

    None where there are more or none, or its item is not known, or nothing is left of its weight.
    """
    if len(histories.item) != 1 or len(histories) != 1:
        return None
    item = int(histories.item[0])
    if not 0 <= item < items.n_items:
        return None
    half_lives, now_ms = half_lives_ms(config), histories.now_ms
    kind, weight = kinds_of(histories.event_type), weights_of(histories.event_type, event_weights)
    half_life = half_lives[kind]
    grown = grown_weights(histories.time_ms, weight, half_life, now_ms // half_life)
    affinity = np.zeros(1 + len(KINDS))
    affinity[[0, 1 + int(kind[0])]] = grown * fading(now_ms, half_lives)[0, kind]
    if not affinity[0] > 0:
        return None
    idle_ms = int(now_ms[0]) - int(histories.time_ms[0])
    return OneEvent(
        item=item,
        category=int(items.category[item]),
        event_type=int(histories.event_type[0]),
        now_ms=int(now_ms[0]),
        idle_seconds=idle_ms / 1000,
        is_open=idle_ms <= int(items.session_timeout_ms[0]),
        affinity=affinity,
    )


def write_one_event(
    out: NDArray[np.float32], event: OneEvent, candidates: NDArray[np.int64], items: ItemTable
) -> None:
    """Write the features of all candidates, int64 (m,), into `out`, float32 (m, features)."""
    price = items.log_price[event.item : event.item + 1].astype(np.float64)
    out[:] = _row_of_all(event, price, items)
    category = items.category[candidates]
    none = category < 0
    same = (category == event.category) & ~none
    _write_prices(out, event, price, candidates, same, items)
    if event.category >= 0:
        _write_categories(out, event, category, items)
    else:
        out[:, _CATEGORIES] = nan
    out[:, _TO_CATEGORY] = np.where(same[:, None], event.affinity, 0)
    out[none, _OF_CATEGORY] = nan
    _write_transitions(out, event, candidates, items)
    own = (candidates == event.item).nonzero()[0]
    out[own, _TOUCHES] = _touches(event)
    out[own, _TO_ITEM] = event.affinity


def _row_of_all(
    event: OneEvent, price: NDArray[np.float64], items: ItemTable
) -> NDArray[np.float32]:
    """Return what most candidates get, and all of them get of the visitor, float32 (features,)."""
    idle, is_open, kind = event.idle_seconds, event.is_open, event.event_type
    told = {
        "seconds_since_touch": nan,
        "steps_since_touch": nan,
        "seconds_between_touches": nan,
        "history_length": 1,
        "history_items": 1,
        "history_categories": event.category >= 0,
        "history_carts": kind == 1,
        "history_purchases": kind == 2,
        "hour_of_day": event.now_ms // HOUR_MS % 24,
        # 1970-01-01 was a Thursday.
        "day_of_week": (event.now_ms // DAY_MS + 3) % 7,
        "seconds_since_last_event": idle,
        "last_event_type": kind if kind >= 0 else nan,
        "history_sessions": 1,
        "session_events": is_open,
        "session_seconds": idle if is_open else 0,
        "session_items": is_open,
        "session_categories": is_open and event.category >= 0,
        "session_bounce": 1 if is_open else nan,
        "session_carts": is_open and kind == 1,
        "session_purchases": is_open and kind == 2,
        "seconds_away": nan if is_open else idle,
        "history_log_price": price[0],
        "history_price_spread": np.sqrt((price - price) ** 2)[0],
        "history_price_rank": items.features[event.item, PRICE_RANK],
        "pair_transition": nan,
        "pair_transition_support": nan,
    }
    return np.array(list((_ZEROS | told).values()), dtype=np.float32)


def _touches(event: OneEvent) -> list[float]:
    """Return the features of the family ``context_touches`` of the item itself."""
    kind, is_open = event.event_type, event.is_open
    views, carts, purchases = kind == 0, kind == 1, kind == 2
    in_cart = carts and is_open
    return [views, carts, purchases, 1, 1, is_open, in_cart, event.idle_seconds, 0, nan]


def _write_prices(
    out: NDArray[np.float32],
    event: OneEvent,
    price: NDArray[np.float64],
    candidates: NDArray[np.int64],
    same: NDArray[np.bool_],
    items: ItemTable,
) -> None:
    log_price = items.log_price[candidates].astype(np.float64)
    rank = items.features[:, PRICE_RANK]
    apart = log_price - price
    write_columns(
        out,
        {
            "log_price_vs_last": apart,
            "log_price_vs_mean": apart,
            "log_price_vs_category": log_price - np.where(same, price, nan),
            "price_rank_vs_mean": rank[candidates] - np.float64(rank[event.item]),
        },
    )


def _write_categories(
    out: NDArray[np.float32], event: OneEvent, category: NDArray[np.int32], items: ItemTable
) -> None:
    related = relation_to(event.category, category, items)
    write_columns(out, related.columns, but=category < 0)
    write_columns(out, {"affinity_root": related.below_root * event.affinity[0]})


def _write_transitions(
    out: NDArray[np.float32], event: OneEvent, candidates: NDArray[np.int64], items: ItemTable
) -> None:
    hit, place = look_up_of(
        np.asarray([event.item], np.int64),
        items.transition_ptr,
        items.transition_key,
        event.item * items.n_items + candidates,
    )
    probability = items.transition_probability[place]
    support = items.transition_support[place]
    out[hit, _TRANSITIONS] = np.stack([probability, probability, probability, support], axis=1)
