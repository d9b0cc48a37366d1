"""What every record log must do. A test class for an adapter inherits `RecordLogContract`."""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from endcap.ports import ERASURES, EVENTS, EXPOSURES, Record, RecordLog

NOW_MS = 1_700_000_000_000


def record(n: int) -> Record:
    return Record(NOW_MS + n, {"event_id": f"e{n}", "n": n})


def ids(log: RecordLog, stream: str = EVENTS, since_ms: int = 0) -> list[str]:
    """Return the ids of a stream, in the order of the log."""
    return [r.fields["event_id"] for r in log.read(stream, since_ms=since_ms)]


class RecordLogContract(ABC):
    @pytest.fixture
    @abstractmethod
    def log(self) -> RecordLog:
        """Return an empty log."""

    def test_an_empty_log_has_no_records(self, log: RecordLog) -> None:
        assert ids(log) == []

    def test_a_record_comes_back_whole(self, log: RecordLog) -> None:
        whole = Record(NOW_MS, {"a": 'ß \n \u2028 "x"', "b": None, "c": [1, 2.5], "d": {"e": True}})
        log.append(EVENTS, [whole])
        assert list(log.read(EVENTS, since_ms=0)) == [whole]

    def test_records_come_back_each_once(self, log: RecordLog) -> None:
        for n in range(5):
            log.append(EVENTS, [record(n)])
        assert sorted(ids(log)) == [f"e{n}" for n in range(5)]

    def test_many_records_are_appended_at_once(self, log: RecordLog) -> None:
        log.append(EVENTS, [record(n) for n in range(1_234)])
        assert sorted(ids(log)) == sorted(f"e{n}" for n in range(1_234))

    def test_streams_are_kept_apart(self, log: RecordLog) -> None:
        log.append(EVENTS, [record(1)])
        log.append(EXPOSURES, [record(2)])
        log.append(ERASURES, [record(3)])
        assert (ids(log), ids(log, EXPOSURES), ids(log, ERASURES)) == (["e1"], ["e2"], ["e3"])

    def test_reading_begins_with_what_was_received_then(self, log: RecordLog) -> None:
        log.append(EVENTS, [record(n) for n in range(4)])
        assert sorted(ids(log, since_ms=NOW_MS + 2)) == ["e2", "e3"]

    def test_appending_nothing_is_allowed(self, log: RecordLog) -> None:
        log.append(EVENTS, [])
        assert ids(log) == []

    def test_several_threads_lose_nothing(self, log: RecordLog) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: log.append(EVENTS, [record(n)]), range(60)))
        assert sorted(ids(log)) == sorted(f"e{n}" for n in range(60))
