"""Item side: price as of the cut, how it moved, where it stands among its like; availability."""

from typing import Final

import ibis
import ibis.expr.types as ir

from endcap import columns as c
from endcap.config_features import FeatureConfig
from endcap.dataset.splits import DAY_MS
from endcap.features.as_of import CATEGORIES, ITEM_PROPERTIES, ITEMS, item_categories, valid_at
from endcap.features.registry import family_names

_ONE: Final = 2**16
"""Log prices are added up as integers of this fixed point: floats would add up to other bits with
another order of threads. With these limits a category may hold 2^20 items."""
_LOWEST_LOG: Final = -21.0


def prices(cut_ms: int, config: FeatureConfig) -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``prices`` features of the registry.

    A price that is not a number in ``(0, config.max_price]`` is damaged and counts as missing.
    """
    known, category = _known(cut_ms, config), item_categories(cut_ms)
    parents = CATEGORIES.group_by(c.CATEGORY_ID).agg(parent_id=CATEGORIES.parent_id.min())
    joined = (
        ITEMS.left_join(known, c.ITEM_ID)
        .left_join(category, ITEMS.item_id == category.item_id)
        .left_join(parents, category.category_id == parents.category_id)
    )
    log_price = known.price.ln()
    items = joined.select(
        ITEMS.item_code,
        known.price,
        price_change_7d=(known.price / known.price_7d).ln(),
        price_change_30d=(known.price / known.price_30d).ln(),
        price_vs_high_30d=(known.price / known.high_30d).ln(),
        discounted=(known.price <= known.high_30d * (1 - config.min_discount)).cast("float64"),
        available=(known.stock > 0).cast("float64"),
        in_category=category.category_id,
        in_parent_category=parents.parent_id,
        fixed=(ibis.greatest(log_price, _LOWEST_LOG) * _ONE).round().cast("int64"),
    )
    ranked = items.mutate(
        **{
            f"price_{what}_{place}": value
            for place in ("in_category", "in_parent_category")
            for what, value in _standing(items, place).items()
        }
    )
    return ranked.select(c.ITEM_CODE, *family_names("prices"))


def _known(cut_ms: int, config: FeatureConfig) -> ir.Table:
    """Return ITEM_ID and what is known of its price and stock, from intervals of the last month."""
    month_ago_ms = cut_ms - 30 * DAY_MS
    properties = ITEM_PROPERTIES.filter(
        ITEM_PROPERTIES.property.isin([c.PRICE_PROPERTY, c.AVAILABLE_PROPERTY]),
        ITEM_PROPERTIES.valid_to_ms.isnull() | (ITEM_PROPERTIES.valid_to_ms >= month_ago_ms),
    )
    sound = (
        (properties.property == c.PRICE_PROPERTY)
        & (properties.number > 0)
        & (properties.number <= config.max_price)
    )
    stock = ibis.coalesce(properties.number, properties.value.try_cast("float64"))
    now_ms = cut_ms - 1
    held_this_month = properties.valid_to_ms.isnull() | (properties.valid_to_ms > month_ago_ms)
    return properties.group_by(c.ITEM_ID).agg(
        price=properties.number.max(where=sound & valid_at(properties, now_ms)),
        price_7d=properties.number.max(where=sound & valid_at(properties, now_ms - 7 * DAY_MS)),
        price_30d=properties.number.max(where=sound & valid_at(properties, now_ms - 30 * DAY_MS)),
        high_30d=properties.number.max(where=sound & held_this_month),
        stock=stock.max(
            where=(properties.property == c.AVAILABLE_PROPERTY) & valid_at(properties, now_ms)
        ),
    )


def _standing(items: ir.Table, place: str) -> dict[str, ir.Value]:
    """Return rank and z-score among the priced items that share `place`, null without others."""
    comparable = items.price.notnull() & items[place].notnull()
    group = [items[place], comparable]
    peers = ibis.window(group_by=group)
    cheaper = ibis.rank().over(ibis.window(group_by=group, order_by=items.price))
    count = items.item_code.count().over(peers)
    total = items.fixed.sum().over(peers).cast("float64")
    squares = (items.fixed * items.fixed).sum().over(peers).cast("float64")
    differ = items.fixed.max().over(peers) > items.fixed.min().over(peers)
    # Times count^2 each: the variance, and below the distance to the mean times count.
    variance = count * squares - total * total
    return {
        "rank": ibis.ifelse(comparable, cheaper / (count - 1).nullif(0), None),
        "zscore": ibis.ifelse(
            comparable & differ, (count * items.fixed - total) / variance.sqrt(), None
        ),
    }
