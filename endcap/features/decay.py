"""Item side: popularity that halves with every half-life, one half-life per type of event.

What is stored are sums, not scores. A type's time is cut into periods of one half-life from the
epoch on; an event weighs ``2 ** ((event_time - start of its period) / half_life)``, between 1 and 2
whatever the cut, and the sums of these weights per item, type and period are integers of a fixed
point. Adding events to stored sums therefore gives the bits of summing all of them at once, in any
order and any number of steps, and a score as of any later cut is a function of the sums alone.
Floats that are scaled down from one cut to the next have neither property.

References
----------
Cormode, Shkapenyuk, Srivastava & Xu (2009), Forward decay: a practical time decay model for
streaming systems.
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from endcap import columns as c
from endcap.config import FeatureConfig
from endcap.dataset.splits import DAY_MS
from endcap.features.as_of import INTERACTIONS, ITEMS
from endcap.features.item_entries import COUNTED_EVENTS

_ONE: Final = 2**32
"""The fixed point. A sum may reach 2^30 events."""

_KEY: Final = (c.ITEM_CODE, c.EVENT_TYPE_CODE, "period_ms")


def decay(cut_ms: int, config: FeatureConfig) -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``decay`` features of the registry."""
    scores = decayed_scores(decay_sums(INTERACTIONS, config), cut_ms, config)
    names = [f"decayed_{name}" for name, _ in COUNTED_EVENTS]
    return ITEMS.left_join(scores, c.ITEM_CODE).select(
        ITEMS.item_code, **{name: scores[name].fill_null(0.0) for name in names}
    )


def decay_sums(events: ir.Table, config: FeatureConfig) -> ir.Table:
    """Return the sums to store: ITEM_CODE, EVENT_TYPE_CODE, PERIOD_MS and int64 FIXED.

    `events`: ITEM_CODE, EVENT_TYPE_CODE and EVENT_MS. PERIOD_MS is when a period began, FIXED the
    sum of the weights of its events times ``2 ** 32``. Types that are not counted are left out.
    """
    counted = events.filter(events.event_type_code.isin([code for _, code in COUNTED_EVENTS]))
    since_start = counted.event_ms % _half_life_ms(counted, config)
    weighted = counted.select(
        c.ITEM_CODE,
        c.EVENT_TYPE_CODE,
        period_ms=counted.event_ms - since_start,
        fixed=(2.0 ** (since_start / _half_life_ms(counted, config)) * _ONE).round().cast("int64"),
    )
    return _summed(weighted)


def add_events(stored: ir.Table, events: ir.Table, config: FeatureConfig) -> ir.Table:
    """Return the stored sums with more events: to the bit `decay_sums` of all events together.

    `stored`: what `decay_sums` or this function returned, for the same half-lives. The events may
    be of any time.
    """
    return _summed(stored.union(decay_sums(events, config)))


def decayed_scores(stored: ir.Table, cut_ms: int, config: FeatureConfig) -> ir.Table:
    """Return ITEM_CODE and a score per counted type, for the items that the sums hold.

    A score is the sum of ``2 ** (-(cut - event_time) / half_life)`` over its events. Each period's
    part is rounded to ``2 ** -32``.
    """
    age = (stored.period_ms - cut_ms) / _half_life_ms(stored, config)
    faded = stored.mutate(faded=(stored.fixed * 2.0**age).round().cast("int64"))
    return faded.group_by(c.ITEM_CODE).agg(
        **{
            f"decayed_{name}": faded.faded.sum(where=faded.event_type_code == code)
            .fill_null(0)
            .cast("float64")
            / _ONE
            for name, code in COUNTED_EVENTS
        }
    )


def _summed(weighted: ir.Table) -> ir.Table:
    return weighted.group_by(_KEY).agg(fixed=weighted.fixed.sum().cast("int64"))


def _half_life_ms(events: ir.Table, config: FeatureConfig) -> ir.IntegerValue:
    days = (
        config.view_half_life_days,
        config.cart_half_life_days,
        config.purchase_half_life_days,
    )
    views, carts, purchases = (round(each * DAY_MS) for each in days)
    kind, codes = events.event_type_code, dict(COUNTED_EVENTS)
    half_life = ibis.cases(
        (kind == codes["views"], views), (kind == codes["carts"], carts), else_=purchases
    )
    return half_life.cast("int64")
