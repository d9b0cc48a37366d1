"""A visitor who wants to be forgotten."""

from endcap.ports import ERASURES, HistoryStore, Record, RecordLog


def erase_user(user_id: str, log: RecordLog, history: HistoryStore, *, now_ms: int) -> None:
    """Queue the erasure of a visitor's events from the log, and forget the history at once.

    In this order: a repair of histories from the log respects what is queued. Erasing twice is
    erasing once. Raises `RecordLogUnavailableError` or `HistoryUnavailableError`: ask again.
    """
    log.append(ERASURES, [Record(now_ms, {"user_id": user_id})])
    history.erase(user_id)
