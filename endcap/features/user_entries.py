"""The registry's entries of the user side: a family per ``context_`` module.

The order inside a family is the order of the blocks that its module writes at once. "They" is the
visitor, "it" the candidate.
"""

from typing import Final

from endcap.features.feature import Feature

RECENT_ITEMS: Final = 3
"""How many of a visitor's newest distinct items are looked at for transitions."""

BACK_OFF: Final = 0.4
"""What a step up the category tree costs: the factor of stupid back-off (Brants et al., 2007)."""

_HISTORY: Final = "history"
_SESSION: Final = "open session"
_NEWEST: Final = f"{RECENT_ITEMS} newest distinct items"
_DECAYED: Final = "history, halving"
_NO_CATEGORY: Final = "it has no category"
_NO_SESSION: Final = "no session is open"
_NO_KNOWN: Final = "no known item in the history"


def _user(
    family: str, name: str, unit: str, description: str, window: str, missing: str = "never"
) -> Feature:
    return Feature(name, f"context_{family}", "user", unit, description, missing, window=window)


_TOUCHES: Final = (
    _user("touches", "seen_views", "events", "their views of it", _HISTORY),
    _user("touches", "seen_carts", "events", "times they put it in the cart", _HISTORY),
    _user("touches", "seen_purchases", "events", "times they bought it", _HISTORY),
    _user("touches", "seen_events", "events", "their events of any type on it", _HISTORY),
    _user("touches", "seen_sessions", "sessions", "sessions in which they touched it", _HISTORY),
    _user(
        "touches",
        "session_touches",
        "events",
        "their events on it in the session that is open now",
        _SESSION,
    ),
    _user(
        "touches",
        "in_cart",
        "0 or 1",
        "they put it in the cart in the open session and have not bought it since",
        _SESSION,
    ),
    _user(
        "touches",
        "seconds_since_touch",
        "seconds",
        "time from their last event on it to now",
        _HISTORY,
        "never touched",
    ),
    _user(
        "touches",
        "steps_since_touch",
        "events",
        "events of theirs after their last one on it; 0 if it is the last",
        _HISTORY,
        "never touched",
    ),
    _user(
        "touches",
        "seconds_between_touches",
        "seconds",
        "(time of their last event on it - time of the first) / (events on it - 1)",
        _HISTORY,
        "touched less than twice",
    ),
)

_VISITOR: Final = (
    _user("visitor", "history_length", "events", "their events", _HISTORY),
    _user("visitor", "history_items", "items", "distinct known items among them", _HISTORY),
    _user("visitor", "history_categories", "categories", "distinct categories of these", _HISTORY),
    _user("visitor", "history_carts", "events", "times they put something in the cart", _HISTORY),
    _user("visitor", "history_purchases", "events", "times they bought something", _HISTORY),
    _user(
        "visitor",
        "repeat_share",
        "share",
        "1 - distinct known items / events on known items: how often they return to an item",
        _HISTORY,
        _NO_KNOWN,
    ),
    _user("visitor", "hour_of_day", "hour", "hour of now, UTC", "now"),
    _user("visitor", "day_of_week", "day", "weekday of now, UTC; 0 is Monday", "now"),
    _user(
        "visitor",
        "seconds_since_last_event",
        "seconds",
        "time from their last event to now",
        _HISTORY,
        "empty history",
    ),
    _user(
        "visitor",
        "last_event_type",
        "code",
        "event type code of their last event",
        _HISTORY,
        "empty history, or an unknown type",
    ),
)

_SESSIONS: Final = (
    _user("sessions", "history_sessions", "sessions", "their sessions so far", _HISTORY),
    _user("sessions", "session_events", "events", "length: events of the open session", _SESSION),
    _user(
        "sessions",
        "session_seconds",
        "seconds",
        "time from its first event to now; 0 if none is open",
        _SESSION,
    ),
    _user(
        "sessions",
        "session_duration_seconds",
        "seconds",
        "time from its first event to its last; 0 if none is open",
        _SESSION,
    ),
    _user(
        "sessions",
        "session_depth",
        "moves",
        "its events on another item than the event before",
        _SESSION,
    ),
    _user("sessions", "session_items", "items", "distinct known items in it", _SESSION),
    _user("sessions", "session_categories", "categories", "distinct categories of these", _SESSION),
    _user(
        "sessions",
        "session_bounce",
        "0 or 1",
        "it is of one event so far",
        _SESSION,
        _NO_SESSION,
    ),
    _user("sessions", "session_carts", "events", "times they used the cart in it", _SESSION),
    _user("sessions", "session_purchases", "events", "times they bought something in it", _SESSION),
    _user(
        "sessions",
        "seconds_away",
        "seconds",
        "time from the end of their last closed session to the start of the open one, or to now",
        _HISTORY,
        "no session is closed",
    ),
)

_PRICES: Final = (
    _user(
        "prices",
        "log_price_vs_last",
        "log ratio",
        "ln(its price / price of their last known item)",
        "last known item",
        "either price is missing",
    ),
    _user(
        "prices",
        "log_price_vs_mean",
        "log ratio",
        "ln(its price) - history_log_price",
        _HISTORY,
        "its price or all of theirs are missing",
    ),
    _user(
        "prices",
        "log_price_vs_category",
        "log ratio",
        "ln(its price) - mean ln(price) over their events in its category",
        _HISTORY,
        "its price is missing, or they touched nothing with a price in its category",
    ),
    _user(
        "prices",
        "price_rank_vs_mean",
        "share",
        "its price_rank_in_category - history_price_rank",
        _HISTORY,
        "either is missing",
    ),
    _user(
        "prices",
        "history_log_price",
        "log currency",
        "price level: mean ln(price) over their events",
        _HISTORY,
        "no item with a price in the history",
    ),
    _user(
        "prices",
        "history_price_spread",
        "log ratio",
        "standard deviation of ln(price) over their events",
        _HISTORY,
        "no item with a price in the history",
    ),
    _user(
        "prices",
        "history_price_rank",
        "share",
        "mean price_rank_in_category over their events: 0 always the cheapest, 1 the dearest",
        _HISTORY,
        "no item with such a rank in the history",
    ),
)

_CATEGORIES: Final = (
    _user(
        "categories",
        "category_share",
        "share",
        "share of their events on categorised items that are in its category",
        _HISTORY,
        "it has no category, or none of their items has",
    ),
    _user(
        "categories",
        "category_back_off_steps",
        "edges",
        "steps from its category up to the nearest below which they touched anything",
        _HISTORY,
        "it has no category, or they touched nothing in its tree",
    ),
    _user(
        "categories",
        "category_back_off_affinity",
        "share",
        "affinity below that ancestor / affinity of all categorised events"
        f" * {BACK_OFF}^steps; 0 outside all trees that they touched",
        _DECAYED,
        "it has no category, or none of their items has",
    ),
    _user(
        "categories",
        "category_distance_nearest",
        "edges",
        "edges between its category and the nearest of theirs; roots hang under one top",
        _HISTORY,
        "it has no category, or none of their items has",
    ),
    _user(
        "categories",
        "category_distance_last",
        "edges",
        "edges between its category and that of their last known item",
        "last known item",
        "either has no category",
    ),
    _user(
        "categories",
        "same_category_as_last",
        "0 or 1",
        "it is in the category of their last known item",
        "last known item",
        "either has no category",
    ),
    _user(
        "categories",
        "category_transition",
        "probability",
        "smoothed probability that its category follows that of their last known item",
        "last known item",
        "either has no category",
    ),
    _user(
        "categories",
        "category_transition_support",
        "transitions",
        "how often it was seen to",
        "last known item",
        "either has no category",
    ),
)

_SEQUENCES: Final = (
    _user(
        "sequences",
        "transition_last",
        "probability",
        "smoothed probability that it follows their last known item",
        "last known item",
        _NO_KNOWN,
    ),
    _user(
        "sequences",
        "transition_max",
        "probability",
        "the highest such probability over their newest items",
        _NEWEST,
        _NO_KNOWN,
    ),
    _user(
        "sequences",
        "transition_weighted",
        "weight",
        "their sum, weighted 1, 1/2, 1/4 from the newest on",
        _NEWEST,
        _NO_KNOWN,
    ),
    _user(
        "sequences",
        "transition_support",
        "transitions",
        "how often it was seen to follow any of these items",
        _NEWEST,
        _NO_KNOWN,
    ),
    _user(
        "sequences",
        "pair_transition",
        "probability",
        "second order: smoothed probability that it follows their last two items in this order",
        "last two items of one session",
        "their last known item is the first of its session",
    ),
    _user(
        "sequences",
        "pair_transition_support",
        "transitions",
        "how often it was seen to",
        "last two items of one session",
        "their last known item is the first of its session",
    ),
)

_DECAY: Final = (
    _user(
        "decay",
        "affinity_item",
        "weight",
        "sum over their events on it of type weight * 2^(-age / half-life of the type)",
        _DECAYED,
    ),
    _user("decay", "affinity_item_views", "weight", "the same, views and other types", _DECAYED),
    _user("decay", "affinity_item_carts", "weight", "the same, cart events", _DECAYED),
    _user("decay", "affinity_item_purchases", "weight", "the same, purchases", _DECAYED),
    _user(
        "decay",
        "affinity_category",
        "weight",
        "the same sum over their events in its category",
        _DECAYED,
        _NO_CATEGORY,
    ),
    _user(
        "decay",
        "affinity_category_views",
        "weight",
        "the same, views and other types",
        _DECAYED,
        _NO_CATEGORY,
    ),
    _user(
        "decay",
        "affinity_category_carts",
        "weight",
        "the same, cart events",
        _DECAYED,
        _NO_CATEGORY,
    ),
    _user(
        "decay",
        "affinity_category_purchases",
        "weight",
        "the same, purchases",
        _DECAYED,
        _NO_CATEGORY,
    ),
    _user(
        "decay",
        "affinity_root",
        "weight",
        "the same sum over all their events below its root category",
        _DECAYED,
        _NO_CATEGORY,
    ),
)

USER_FEATURES: Final = (
    *_TOUCHES,
    *_VISITOR,
    *_SESSIONS,
    *_PRICES,
    *_CATEGORIES,
    *_SEQUENCES,
    *_DECAY,
)
"""All features of the user side, in the order of the matrix."""
