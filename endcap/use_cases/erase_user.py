"""A visitor who wants to be forgotten."""

from endcap.errors import HistoryUnavailableError
from endcap.ports import ERASURES, HistoryStore, Record, RecordLog
from endcap.use_cases.repair_history import PENDING


def erase_user(user_id: str, log: RecordLog, history: HistoryStore, *, now_ms: int) -> bool:
    """Queue the erasure of a visitor's events from the log, and forget the history at once.

    In this order: a repair of histories from the log respects what is queued. Erasing twice is
    erasing once. Returns whether the history is forgotten; if the store is away, the next repair
    does it. Raises `RecordLogUnavailableError`: ask again.
    """
    log.append(ERASURES, [Record(now_ms, {"user_id": user_id})])
    try:
        history.erase(user_id)
    except HistoryUnavailableError:
        log.append(ERASURES, [Record(now_ms, {"user_id": user_id, PENDING: True})])
        return False
    return True
