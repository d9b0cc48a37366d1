"""Item side: what the sessions are like in which an item occurs, and its place in them."""

import ibis
import ibis.expr.types as ir

from endcap import columns as c
from endcap.features.as_of import ITEMS
from endcap.features.item_entries import COUNTED_EVENTS
from endcap.features.registry import family_names
from endcap.features.visits import session_events

_CART = dict(COUNTED_EVENTS)["carts"]


def sessions(session_timeout_minutes: float) -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``sessions`` features of the registry.

    Over all sessions before the cut, each as far as it is known there; a share or a mean is over
    the sessions that the item occurs in. Visitors' events are cut into sessions as in
    `endcap.features.visits.session_events`.
    """
    events = session_events(session_timeout_minutes)
    lone, longer = _lone(events), _longer(events)
    joined = ITEMS.left_join(lone, c.ITEM_CODE).left_join(
        longer, ITEMS.item_code == longer.item_code
    )
    items = joined.select(
        ITEMS.item_code,
        bounces=lone.sessions.fill_null(0),
        **{
            name: longer[name].fill_null(0) + (lone[name].fill_null(0) if name in lone else 0)
            for name in longer.columns
            if name != c.ITEM_CODE
        },
    )
    its_sessions = items.sessions.nullif(0)
    return items.select(
        c.ITEM_CODE,
        "sessions",
        session_start_share=items.starts / its_sessions,
        session_end_share=items.ends / its_sessions,
        session_bounce_share=items.bounces / its_sessions,
        session_mean_position=items.before / its_sessions,
        session_mean_events=items.events / its_sessions,
        session_mean_seconds=items.milliseconds / its_sessions / 1000,
        session_cart_share=items.carted / its_sessions,
    ).select(c.ITEM_CODE, *family_names("sessions"))


def _lone(events: ir.Table) -> ir.Table:
    """Return an item's sums over sessions of one event: most sessions of a shop, and cheap."""
    lone = events.filter(events.starts, events.ends)
    return lone.group_by(c.ITEM_CODE).agg(
        **{name: lone.count() for name in ("sessions", "starts", "ends", "events")},
        carted=(lone.event_type_code == _CART).sum(),
    )


def _longer(events: ir.Table) -> ir.Table:
    """Return an item's sums over the other sessions."""
    longer = events.filter(~(events.starts & events.ends))
    so_far = ibis.cumulative_window(group_by=longer.user_code, order_by=longer.place)
    numbered = longer.mutate(session=longer.starts.cast("int64").sum().over(so_far))
    occurrences = numbered.group_by([c.USER_CODE, "session", c.ITEM_CODE]).agg(
        first_place=numbered.place.min(),
        last_place=numbered.place.max(),
        first_ms=numbered.event_ms.min(),
        last_ms=numbered.event_ms.max(),
        carts=(numbered.event_type_code == _CART).sum(),
    )
    whole = occurrences.group_by([c.USER_CODE, "session"]).agg(
        start=occurrences.first_place.min(),
        end=occurrences.last_place.max(),
        start_ms=occurrences.first_ms.min(),
        end_ms=occurrences.last_ms.max(),
        session_carts=occurrences.carts.sum(),
    )
    joined = occurrences.inner_join(whole, [c.USER_CODE, "session"])
    return joined.group_by(c.ITEM_CODE).agg(
        sessions=joined.count(),
        starts=(joined.first_place == joined.start).sum(),
        ends=(joined.last_place == joined.end).sum(),
        before=(joined.first_place - joined.start).sum(),
        events=(joined.end - joined.start + 1).sum(),
        milliseconds=(joined.end_ms - joined.start_ms).sum(),
        carted=(joined.session_carts > 0).sum(),
    )
