"""The registry's entries of the item side: a family per module.

"It" is the item; windows of days end at the cut.
"""

from collections.abc import Iterator
from typing import Final

from endcap.features.feature import Feature

WINDOW_DAYS: Final = (1, 7, 30)
"""Lengths of the windows that end at the cut."""

COUNTED_EVENTS: Final = (("views", 0), ("carts", 1), ("purchases", 2))
"""How counts are named, and the event type code that each counts."""

CONVERSIONS: Final = (
    ("cart_rate", "carts", "views"),
    ("buy_rate", "purchases", "views"),
    ("checkout_rate", "purchases", "carts"),
)
"""How rates are named, and which count each divides by which."""

TRENDS: Final = (("views", 1, 7), ("views", 7, 30), ("carts", 7, 30))
"""Which counts are compared between windows: the last days with the last longer days."""

_LOG: Final = "all before the cut"
_AT_CUT: Final = "as of the cut"
_NO_CATEGORY: Final = "no category"


def _item(
    family: str, name: str, unit: str, description: str, window: str, missing: str = "never"
) -> Feature:
    return Feature(name, family, "item", unit, description, missing, window=window)


def _days(days: int) -> str:
    return f"last {days} days" if days > 1 else "last day"


def _temporal() -> Iterator[Feature]:
    family = "temporal"
    for days in WINDOW_DAYS:
        for name, _ in COUNTED_EVENTS:
            yield _item(family, f"{name}_{days}d", "events", f"its {name}", _days(days))
        visitors = "distinct visitors with any event on it"
        yield _item(family, f"visitors_{days}d", "visitors", visitors, _days(days))
    for days in WINDOW_DAYS:
        for name, part, whole in CONVERSIONS:
            yield _item(
                family,
                f"{name}_{days}d",
                f"{part} per {whole.removesuffix('s')}",
                f"({part} + prior * shop's {part} / shop's {whole}) / ({whole} + prior)",
                _days(days),
                f"the shop had no {whole} at all",
            )
    for name, days, longer in TRENDS:
        yield _item(
            family,
            f"{name}_trend_{days}d",
            "log ratio",
            f"ln(({name} of {days} d + 1) / ({name} of {longer} d * {days}/{longer} + 1))",
            _days(longer),
        )
    for name, when in (
        ("night", "from 0 to 6 o'clock UTC"),
        ("evening", "from 18 to 24 o'clock UTC"),
        ("weekend", "on Saturday or Sunday UTC"),
    ):
        yield _item(
            family,
            f"{name}_share",
            "share",
            f"(its events {when} + prior * shop's share of events then) / (its events + prior)",
            _days(WINDOW_DAYS[-1]),
            "the shop had no event at all",
        )
    yield _item(family, "age_days", "days", "time since it was first seen", _LOG)
    for name, what, missing in (
        ("idle_days", "time since its last event", "only bots saw it"),
        ("days_since_cart", "time since it was last put in a cart", "it never was"),
        ("days_since_purchase", "time since it was last bought", "it never was"),
    ):
        yield _item(family, name, "days", what, _LOG, missing)


def _sessions() -> Iterator[Feature]:
    yield _item("sessions", "sessions", "sessions", "sessions that it occurs in", _LOG)
    for name, unit, what in (
        ("start_share", "share", "share of its sessions whose first event is on it"),
        ("end_share", "share", "share of its sessions whose last event is on it"),
        ("bounce_share", "share", "share of its sessions that have no other event"),
        ("mean_position", "events", "mean number of events before its first one in a session"),
        ("mean_events", "events", "mean number of events of its sessions"),
        ("mean_seconds", "seconds", "mean time from first to last event of its sessions"),
        ("cart_share", "share", "share of its sessions in which anything is put in the cart"),
    ):
        missing = "it occurs in no session"
        yield _item("sessions", f"session_{name}", unit, what, _LOG, missing)


def _decay() -> Iterator[Feature]:
    for name, _ in COUNTED_EVENTS:
        what = f"sum over its {name} of 2^(-age / half-life of {name}), to 2^-32"
        yield _item("decay", f"decayed_{name}", "events", what, "all before the cut, halving")


def _prices() -> Iterator[Feature]:
    family = "prices"
    yield _item(family, "price", "currency", "its price", _AT_CUT, "no price, or a damaged one")
    for days in (7, 30):
        yield _item(
            family,
            f"price_change_{days}d",
            "log ratio",
            f"ln(price / price {days} days earlier)",
            _days(days),
            "either price is missing",
        )
    yield _item(
        family,
        "price_vs_high_30d",
        "log ratio",
        "ln(price / highest price that held at any time); 0 at its high",
        _days(30),
        "no price",
    )
    yield _item(
        family,
        "discounted",
        "0 or 1",
        "price <= (1 - least discount) * highest price that held at any time",
        _days(30),
        "no price",
    )
    for place, where, none in (
        ("category", "in its category", "no category"),
        (
            "parent_category",
            "in all categories with the same parent as its own",
            "no category or one without parent",
        ),
    ):
        yield _item(
            family,
            f"price_rank_in_{place}",
            "share",
            f"share of the other priced items {where} that are cheaper: 0 cheapest, 1 dearest",
            _AT_CUT,
            f"no price, {none}, or no other priced item there",
        )
        yield _item(
            family,
            f"price_zscore_in_{place}",
            "standard deviations",
            f"(ln(price) - mean) / standard deviation, both of ln(price) {where}",
            _AT_CUT,
            f"no price, {none}, or no item of another price there",
        )
    yield _item(family, "available", "0 or 1", "in stock", _AT_CUT, "availability is not known")


def _category_graph() -> Iterator[Feature]:
    for name, unit, what in (
        ("category", "code", "code of its category"),
        ("category_depth", "edges", "edges between its category and the root"),
        ("category_root", "code", "code of the root above its category"),
    ):
        yield _item("category_graph", name, unit, what, _AT_CUT, _NO_CATEGORY)
    yield _item(
        "category_graph",
        "category_popularity_share",
        "share",
        "its category's share of the events on items with a category",
        _days(30),
        "no category, or no such event at all",
    )
    for name, unit, what in (
        ("siblings", "categories", "other children of its category's parent; 0 for a root"),
        ("subtree", "categories", "categories in or below its own, itself included"),
        (
            "centrality",
            "share",
            "betweenness: share of its tree's pairs of other categories that it lies between",
        ),
    ):
        yield _item("category_graph", f"category_{name}", unit, what, _AT_CUT, _NO_CATEGORY)


ITEM_FEATURES: Final = (
    *_temporal(),
    *_sessions(),
    *_decay(),
    *_prices(),
    *_category_graph(),
)
"""The item side's part of the registry, in its order."""
