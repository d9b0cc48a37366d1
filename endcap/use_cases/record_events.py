"""What visitors did: durable first, known to the next request second."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from endcap.dataset.histories import EventTypes
from endcap.errors import HistoryUnavailableError
from endcap.ports import EVENTS, HistoryStore, Record, RecordLog, VisitorEvent

_LOG: Final = logging.getLogger(__name__)

SKEW_MS: Final = 300_000
"""How far a client's clock may be ahead; such an event happened when it was received."""
EARLIEST_MS: Final = 946_684_800_000
"""The year 2000: an earlier time counts something other than milliseconds."""


@dataclass(frozen=True)
class Recorded:
    """What became of each event, in order: None if it is durable, or why it was refused.

    `history_pending`: the events are durable but not in the history yet; it will be repaired.
    """

    refusals: tuple[str | None, ...]
    history_pending: bool


def record_events(
    events: Sequence[VisitorEvent],
    log: RecordLog,
    history: HistoryStore,
    *,
    now_ms: int,
    event_types: EventTypes | None,
) -> Recorded:
    """Append the events to the log, then add them to the histories.

    Sending an event again is safe: readers of the log and the history both go by `event_id`. Of a
    call that raises, any part may have become durable.

    Parameters
    ----------
    now_ms
        When the events were received, UTC epoch ms.
    event_types
        Those that are known; any is accepted if None.

    Raises
    ------
    RecordLogUnavailableError
        Nothing is acknowledged: send all of it again.
    """
    refusals = tuple(_refusal(event, now_ms, event_types) for event in events)
    accepted = [
        replace(event, time_ms=min(event.time_ms, now_ms))
        for event, refusal in zip(events, refusals, strict=True)
        if refusal is None
    ]
    if not accepted:
        return Recorded(refusals, history_pending=False)
    log.append(EVENTS, [Record(now_ms, asdict(event)) for event in accepted])
    try:
        history.add(accepted)
    except HistoryUnavailableError as exc:
        _LOG.warning("%d events are in the log and not in the history yet: %s", len(accepted), exc)
        return Recorded(refusals, history_pending=True)
    return Recorded(refusals, history_pending=False)


def _refusal(event: VisitorEvent, now_ms: int, event_types: EventTypes | None) -> str | None:
    if event.time_ms > now_ms + SKEW_MS:
        return "event_time lies more than five minutes in the future"
    if event.time_ms < EARLIEST_MS:
        return "event_time lies before the year 2000: is it in milliseconds?"
    if event_types is not None and event_types.code(event.event_type) < 0:
        return f"event_type is none of {', '.join(event_types.names)}"
    return None
