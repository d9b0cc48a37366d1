import pytest

from endcap.dataset.histories import EventTypes
from endcap.errors import RecordLogUnavailableError
from endcap.ports import ERASURES, EVENTS, VisitorEvent
from endcap.use_cases.erase_user import erase_user
from endcap.use_cases.record_events import EARLIEST_MS, SKEW_MS, Recorded, record_events
from tests.use_cases.fakes import MemoryHistory, MemoryLog

NOW_MS = 1_700_000_000_000


def event(event_id: str, *, time_ms: int = NOW_MS - 1, event_type: str = "view") -> VisitorEvent:
    return VisitorEvent(event_id, "ann", "shoe", event_type, time_ms)


def record(log: MemoryLog, history: MemoryHistory, *events: VisitorEvent) -> Recorded:
    return record_events(events, log, history, now_ms=NOW_MS, event_types=EventTypes())


def test_an_accepted_event_is_in_the_log_and_in_the_history() -> None:
    log, history = MemoryLog(), MemoryHistory()
    assert record(log, history, event("a")) == Recorded((None,), history_pending=False)
    assert [r.fields["event_id"] for r in log.streams[EVENTS]] == ["a"]
    assert history.read("ann", limit=9) == [event("a")]


def test_an_event_is_accepted_while_the_history_is_down() -> None:
    log, history = MemoryLog(), MemoryHistory(is_down=True)
    assert record(log, history, event("a")) == Recorded((None,), history_pending=True)
    assert len(log.streams[EVENTS]) == 1


def test_nothing_is_accepted_or_known_while_the_log_is_down() -> None:
    history = MemoryHistory()
    with pytest.raises(RecordLogUnavailableError):
        record(MemoryLog(is_down=True), history, event("a"))
    assert history.events == {}


def test_a_bad_event_is_refused_alone_and_in_its_place() -> None:
    log, history = MemoryLog(), MemoryHistory()
    recorded = record(
        log,
        history,
        event("far", time_ms=NOW_MS + SKEW_MS + 1),
        event("good"),
        event("seconds", time_ms=EARLIEST_MS - 1),
        event("type", event_type="purchse"),
    )
    assert [refusal is None for refusal in recorded.refusals] == [False, True, False, False]
    assert recorded.refusals[3] == "event_type is none of view, addtocart, transaction"
    assert [r.fields["event_id"] for r in log.streams[EVENTS]] == ["good"]


def test_an_event_of_a_clock_that_is_a_little_ahead_happened_now() -> None:
    log, history = MemoryLog(), MemoryHistory()
    record(log, history, event("a", time_ms=NOW_MS + SKEW_MS))
    assert history.read("ann", limit=9)[0].time_ms == NOW_MS


def test_only_refused_events_append_nothing() -> None:
    log = MemoryLog(is_down=True)
    assert record(log, MemoryHistory(), event("type", event_type="x")).refusals[0] is not None


def test_erasing_queues_the_erasure_and_forgets_the_history() -> None:
    log, history = MemoryLog(), MemoryHistory()
    record(log, history, event("a"))
    erase_user("ann", log, history, now_ms=NOW_MS)
    assert history.events == {}
    assert log.streams[ERASURES][0].fields == {"user_id": "ann"}
