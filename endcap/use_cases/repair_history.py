"""Histories made whole from the record log, after a store was away or a process was killed."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from typing import Any, Final

from endcap.ports import ERASURES, EVENTS, HistoryStore, Lake, Record, RecordLog, VisitorEvent

_LOG: Final = logging.getLogger(__name__)

WATERMARKS: Final = "service/history_watermarks"
"""Below it, a small object for each pair of stores that ever served the lake: up to when the
histories are known to hold what the log holds."""
MARGIN_MS: Final = 900_000
"""Longer than a record takes from being acknowledged to being readable."""
EVENTS_AT_ONCE: Final = 500
PENDING: Final = "pending"
"""The field of an erasure that the histories, which were away, do not know of yet."""

_FIELDS: Final = tuple(field.name for field in fields(VisitorEvent))


def repair_history(
    lake: Lake, log: RecordLog, history: HistoryStore, *, stores: str, now_ms: int
) -> int:
    """Add to the histories what the log has received since the last repair; return how many events.

    Whom the histories could not forget when they were asked to is forgotten first. What is there
    already is passed over, so it may be done at any time and by several at once. What was received
    before its visitor asked to be forgotten stays forgotten, also when that happens meanwhile.
    Where it cannot be told what was repaired, all of the log is looked at. `stores` tells this log
    and these histories from others that serve the same lake: their addresses.
    Raises `RecordLogUnavailableError`, `HistoryUnavailableError`, `LakeError`; the next repair
    begins where this one did.
    """
    watermark = watermark_of(stores)
    since_ms = max(_read_watermark(lake, watermark) - MARGIN_MS, 0)
    erased_ms, pending = _erasures(log, since_ms)
    for user_id in sorted(pending):
        history.erase(user_id)
    n = 0
    for part in _parts(_to_add(log.read(EVENTS, since_ms=since_ms), erased_ms)):
        history.add(part)
        n += len(part)
    erased_since, _ = _erasures(log, since_ms)
    for user_id, at_ms in erased_since.items():
        if at_ms > erased_ms.get(user_id, -1):
            history.erase(user_id)
    lake.write(watermark, json.dumps({"until_ms": now_ms}).encode())
    return n


def watermark_of(stores: str) -> str:
    """Return where in the lake the watermark of these stores lies."""
    return f"{WATERMARKS}/{hashlib.sha256(stores.encode()).hexdigest()[:16]}.json"


def _read_watermark(lake: Lake, path: str) -> int:
    found = lake.read(path)
    if found is None:
        return 0
    try:
        return int(json.loads(found.data)["until_ms"])
    except (ValueError, KeyError, TypeError) as exc:
        _LOG.warning("%s cannot be read, and the whole log is: %s", path, exc)
        return 0


def _erasures(log: RecordLog, since_ms: int) -> tuple[dict[str, int], set[str]]:
    """Return when each visitor asked to be forgotten last, and whose history still waits for it."""
    last: dict[str, int] = {}
    pending: set[str] = set()
    for record in log.read(ERASURES, since_ms=since_ms):
        user_id = str(record.fields["user_id"])
        last[user_id] = max(record.received_ms, last.get(user_id, -1))
        if record.fields.get(PENDING):
            pending.add(user_id)
    return last, pending


def _to_add(records: Iterable[Record], erased_ms: dict[str, int]) -> Iterator[VisitorEvent]:
    for record in records:
        given: dict[str, Any] = {name: record.fields.get(name) for name in _FIELDS}
        event = VisitorEvent(**given)
        if record.received_ms > erased_ms.get(event.user_id, -1):
            yield event


def _parts(events: Iterator[VisitorEvent]) -> Iterator[list[VisitorEvent]]:
    while part := list(islice(events, EVENTS_AT_ONCE)):
        yield part
