"""Item side: counts in windows, smoothed conversion rates, trends, times of day, idleness, age."""

from collections.abc import Mapping
from typing import Final

import ibis.expr.types as ir

from endcap import columns as c
from endcap.config_features import FeatureConfig
from endcap.dataset.splits import DAY_MS
from endcap.features.as_of import INTERACTIONS, ITEMS
from endcap.features.item_entries import CONVERSIONS, COUNTED_EVENTS, TRENDS, WINDOW_DAYS
from endcap.features.registry import family_names

_HOUR_MS: Final = DAY_MS // 24
_LONGEST: Final = WINDOW_DAYS[-1]


def temporal(cut_ms: int, config: FeatureConfig) -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``temporal`` features of the registry.

    A window of d days is ``[cut - d days, cut)``. A share of one count in another is smoothed
    towards the shop's: ``(part + prior * shop) / (whole + prior)``, with `shop` the same share over
    all items together. The prior is ``config.rate_prior_views`` for what follows views,
    ``config.rate_prior_carts`` for what follows carts and ``config.shape_prior_events`` for the
    shares of hours and days.
    """
    recent = INTERACTIONS.filter(INTERACTIONS.event_ms >= cut_ms - _LONGEST * DAY_MS)
    counts, latest = _counts(recent, cut_ms), _latest()
    counted = [name for name in counts.columns if name != c.ITEM_CODE]
    of_shop = counts.aggregate(
        **{f"all_{name}": counts[name].sum() for name in _event_counts(recent, cut_ms)}
    )
    joined = ITEMS.left_join(latest, c.ITEM_CODE).left_join(
        counts, ITEMS.item_code == counts.item_code
    )
    items = joined.select(
        ITEMS.item_code,
        age_days=(cut_ms - ITEMS.first_seen_ms) / DAY_MS,
        idle_days=(cut_ms - latest.last_ms) / DAY_MS,
        days_since_cart=(cut_ms - latest.last_carts_ms) / DAY_MS,
        days_since_purchase=(cut_ms - latest.last_purchases_ms) / DAY_MS,
        **{name: counts[name].fill_null(0) for name in counted},
    ).cross_join(of_shop)
    return items.mutate(**_shares(items, config), **_trends(items)).select(
        c.ITEM_CODE, *family_names("temporal")
    )


def _counts(recent: ir.Table, cut_ms: int) -> ir.Table:
    """Return an item's counts. A visitor's last event tells in which windows he was."""
    events = recent.group_by(c.ITEM_CODE).agg(**_event_counts(recent, cut_ms))
    last = recent.group_by([c.ITEM_CODE, c.USER_CODE]).agg(last_ms=recent.event_ms.max())
    visitors = last.group_by(c.ITEM_CODE).agg(
        **{
            f"visitors_{days}d": last.count(where=last.last_ms >= cut_ms - days * DAY_MS)
            for days in WINDOW_DAYS
        }
    )
    return events.inner_join(visitors, c.ITEM_CODE)


def _event_counts(recent: ir.Table, cut_ms: int) -> dict[str, ir.IntegerScalar]:
    # Remainders of epoch times: 1970-01-01 was a Thursday, four days before a Monday.
    hour = recent.event_ms % DAY_MS // _HOUR_MS
    since_monday = (recent.event_ms + 3 * DAY_MS) % (7 * DAY_MS)
    counts = {
        f"{name}_{days}d": recent.count(
            where=(recent.event_ms >= cut_ms - days * DAY_MS) & (recent.event_type_code == code)
        )
        for days in WINDOW_DAYS
        for name, code in COUNTED_EVENTS
    }
    return counts | {
        "events": recent.count(),
        "night_events": recent.count(where=hour < 6),
        "evening_events": recent.count(where=hour >= 18),
        "weekend_events": recent.count(where=since_monday >= 5 * DAY_MS),
    }


def _latest() -> ir.Table:
    events = INTERACTIONS
    return events.group_by(c.ITEM_CODE).agg(
        last_ms=events.event_ms.max(),
        **{
            f"last_{name}_ms": events.event_ms.max(where=events.event_type_code == code)
            for name, code in COUNTED_EVENTS
            if name != "views"
        },
    )


def _shares(items: ir.Table, config: FeatureConfig) -> Mapping[str, ir.Value]:
    priors = {"views": config.rate_prior_views, "carts": config.rate_prior_carts}
    rates = {
        f"{rate}_{days}d": _share(items, f"{part}_{days}d", f"{whole}_{days}d", priors[whole])
        for days in WINDOW_DAYS
        for rate, part, whole in CONVERSIONS
    }
    prior = config.shape_prior_events
    return rates | {
        f"{when}_share": _share(items, f"{when}_events", "events", prior)
        for when in ("night", "evening", "weekend")
    }


def _share(items: ir.Table, part: str, whole: str, prior: float) -> ir.Value:
    shop = items[f"all_{part}"] / items[f"all_{whole}"].nullif(0)
    return (items[part] + prior * shop) / (items[whole] + prior)


def _trends(items: ir.Table) -> Mapping[str, ir.Value]:
    return {
        f"{name}_trend_{days}d": (
            (items[f"{name}_{days}d"] + 1) / (items[f"{name}_{longer}d"] * (days / longer) + 1)
        ).ln()
        for name, days, longer in TRENDS
    }
