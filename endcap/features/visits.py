"""A visitor's events in order, cut into sessions: what `sessions` and `transitions` count from."""

import ibis
import ibis.expr.types as ir

from endcap import columns as c
from endcap.features.as_of import INTERACTIONS


def session_events(session_timeout_minutes: float) -> ir.Table:
    """Return USER_CODE, ITEM_CODE, EVENT_TYPE_CODE and EVENT_MS of each event, and its place.

    ``place``: events of the visitor before it. Events of one moment go by type, then item code.
    ``previous``: the item of the event before it. ``starts`` and ``ends``: whether it is the first
    and the last of a session, which parts from the next by more than the session timeout.
    """
    order = [INTERACTIONS.event_ms, INTERACTIONS.event_type_code, INTERACTIONS.item_code]
    in_order = ibis.window(group_by=INTERACTIONS.user_code, order_by=order)
    events = INTERACTIONS.select(
        c.USER_CODE,
        c.ITEM_CODE,
        c.EVENT_TYPE_CODE,
        "event_ms",
        place=ibis.row_number().over(in_order),
        previous=INTERACTIONS.item_code.lag(1).over(in_order),
        previous_ms=INTERACTIONS.event_ms.lag(1).over(in_order),
        next_ms=INTERACTIONS.event_ms.lead(1).over(in_order),
    )
    timeout_ms = int(session_timeout_minutes * 60_000)
    return events.select(
        c.USER_CODE,
        c.ITEM_CODE,
        c.EVENT_TYPE_CODE,
        "event_ms",
        "place",
        "previous",
        starts=events.previous_ms.isnull() | (events.event_ms - events.previous_ms > timeout_ms),
        ends=events.next_ms.isnull() | (events.next_ms - events.event_ms > timeout_ms),
    )


def visits(session_timeout_minutes: float) -> ir.Table:
    """Return the item codes BEFORE, PREVIOUS and NEXT of each visit but the first of a session.

    A visit is a run of events on one item within a session, so PREVIOUS and NEXT differ. BEFORE is
    null for the second visit of a session.
    """
    events = session_events(session_timeout_minutes)
    # Most sessions of a shop are one event: leaving them out halves the rows to be sorted again.
    begun = events.filter(
        events.starts | (events.previous != events.item_code), ~(events.starts & events.ends)
    ).select(
        c.USER_CODE,
        "place",
        previous=ibis.ifelse(events.starts, None, events.previous),
        next=events.item_code,
    )
    in_order = ibis.window(group_by=begun.user_code, order_by=begun.place)
    chained = begun.mutate(before=begun.previous.lag(1).over(in_order))
    return chained.filter(chained.previous.notnull()).select("before", "previous", "next")
