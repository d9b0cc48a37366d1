from collections.abc import Sequence
from dataclasses import replace

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.histories import EventTypes
from endcap.errors import HistoryUnavailableError
from endcap.ports import EVENTS, VisitorEvent
from endcap.use_cases.erase_user import erase_user
from endcap.use_cases.record_events import record_events
from endcap.use_cases.repair_history import MARGIN_MS, repair_history, watermark_of
from tests.use_cases.fakes import MemoryHistory, MemoryLog

NOW_MS = 1_700_000_000_000
STORES = "history.sqlite log"


def send(log: MemoryLog, history: MemoryHistory, event_id: str, *, now_ms: int = NOW_MS) -> None:
    event = VisitorEvent(event_id, "ann", "shoe", "view", now_ms)
    record_events([event], log, history, now_ms=now_ms, event_types=EventTypes())


def known(history: MemoryHistory) -> list[str]:
    return [event.event_id for event in history.read("ann", limit=9)]


def test_what_was_missed_is_added_once(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, history, "a")
    history.is_down = True
    send(log, history, "b")
    history.is_down = False
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS + 1) == 2
    assert known(history) == ["a", "b"]


def test_a_repair_begins_where_the_last_one_ended_less_the_margin(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, history, "old", now_ms=NOW_MS - MARGIN_MS - 1)
    send(log, history, "new", now_ms=NOW_MS - MARGIN_MS)
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS)
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS + 1) == 1


def test_another_services_repair_of_the_same_lake_hides_nothing(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    history.is_down = True
    send(log, history, "a", now_ms=NOW_MS - MARGIN_MS - 1)
    history.is_down = False
    repair_history(lake, MemoryLog(), MemoryHistory(), stores="others", now_ms=NOW_MS)
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS) == 1
    assert known(history) == ["a"]


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"until_ms": null}'])
def test_a_repair_that_does_not_know_where_the_last_one_ended_begins_at_the_beginning(
    lake: FolderLake, damaged: bytes
) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, history, "old", now_ms=NOW_MS - MARGIN_MS - 1)
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS)
    lake.write(watermark_of(STORES), damaged)
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS) == 1
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS) == 0


def test_a_repair_that_fails_is_begun_again_from_the_same_place(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory(is_down=True)
    send(log, history, "a", now_ms=NOW_MS - 2 * MARGIN_MS)
    with pytest.raises(HistoryUnavailableError):
        repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS)
    history.is_down = False
    assert repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS) == 1


def test_what_was_erased_is_not_brought_back_and_what_came_after_is(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, history, "before")
    erase_user("ann", log, history, now_ms=NOW_MS + 1)
    send(log, history, "after", now_ms=NOW_MS + 2)
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS + 3)
    assert known(history) == ["after"]


def test_who_was_erased_while_the_histories_were_away_is_forgotten(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, history, "before")
    history.is_down = True
    assert not erase_user("ann", log, history, now_ms=NOW_MS + 1)
    history.is_down = False
    send(log, history, "after", now_ms=NOW_MS + 2)
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS + 3)
    assert known(history) == ["after"]


def test_who_is_erased_while_a_repair_runs_stays_erased(lake: FolderLake) -> None:
    log = MemoryLog()

    class ErasedMeanwhile(MemoryHistory):
        def add(self, events: Sequence[VisitorEvent]) -> None:
            erase_user("ann", log, self, now_ms=NOW_MS + 1)
            super().add(events)

    history = ErasedMeanwhile()
    send(log, MemoryHistory(), "a")
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS + 2)
    assert known(history) == []


def test_a_field_that_an_older_release_did_not_write_is_empty(lake: FolderLake) -> None:
    log, history = MemoryLog(), MemoryHistory()
    send(log, MemoryHistory(), "a")
    record = log.streams[EVENTS][0]
    fields = {name: value for name, value in record.fields.items() if name != "transaction_id"}
    log.streams[EVENTS] = [replace(record, fields=fields)]
    repair_history(lake, log, history, stores=STORES, now_ms=NOW_MS)
    assert history.read("ann", limit=1)[0].transaction_id is None
