"""Item side: what the sessions are like in which an item occurs, and its place in them."""

import ibis.expr.types as ir

from endcap import columns as c
from endcap.features.as_of import INTERACTIONS, ITEMS
from endcap.features.item_entries import COUNTED_EVENTS
from endcap.features.registry import family_names

_CART = dict(COUNTED_EVENTS)["carts"]


def sessions() -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``sessions`` features of the registry.

    Over all sessions before the cut, each as far as it is known there; a share or a mean is over
    the sessions that the item occurs in. The events were cut into sessions when they were cleaned:
    see `endcap.dataset.sessions`.
    """
    lone, longer = _lone(), _longer()
    joined = ITEMS.left_join(lone, c.ITEM_CODE).left_join(
        longer, ITEMS.item_code == longer.item_code
    )
    bounces = lone.sessions.fill_null(0)
    items = joined.select(
        ITEMS.item_code,
        bounces=bounces,
        **{
            name: longer[name].fill_null(0) + bounces
            for name in ("sessions", "starts", "ends", "events")
        },
        before=longer.before.fill_null(0),
        milliseconds=longer.milliseconds.fill_null(0),
        carted=longer.carted.fill_null(0) + lone.carted.fill_null(0),
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


def _lone() -> ir.Table:
    """Return an item's sums over sessions of one event: most sessions of a shop, and cheap."""
    lone = INTERACTIONS.filter(INTERACTIONS.place == 0, INTERACTIONS.ends)
    return lone.group_by(c.ITEM_CODE).agg(
        sessions=lone.count(), carted=lone.count(where=lone.event_type_code == _CART)
    )


def _longer() -> ir.Table:
    """Return an item's sums over the other sessions."""
    events = INTERACTIONS.filter((INTERACTIONS.place > 0) | ~INTERACTIONS.ends)
    occurrences = events.group_by(["session", c.ITEM_CODE]).agg(
        first_place=events.place.min(),
        last_place=events.place.max(),
        first_ms=events.event_ms.min(),
        last_ms=events.event_ms.max(),
        carts=events.count(where=events.event_type_code == _CART),
    )
    # Of what an item did in a session, which is less than all of its events.
    whole = occurrences.group_by("session").agg(
        end=occurrences.last_place.max(),
        milliseconds=occurrences.last_ms.max() - occurrences.first_ms.min(),
        has_cart=(occurrences.carts > 0).any(),
    )
    joined = occurrences.inner_join(whole, "session")
    return joined.group_by(c.ITEM_CODE).agg(
        sessions=joined.count(),
        starts=joined.count(where=joined.first_place == 0),
        ends=joined.count(where=joined.last_place == joined.end),
        before=joined.first_place.sum(),
        events=(joined.end + 1).sum(),
        milliseconds=joined.milliseconds.sum(),
        carted=joined.count(where=joined.has_cart),
    )
