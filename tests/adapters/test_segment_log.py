import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from endcap.adapters.segment_log import SegmentLog
from endcap.adapters.segments import from_line, to_line
from endcap.errors import RecordLogUnavailableError
from endcap.ports import EVENTS, Record, RecordLog
from tests.adapters.record_log_contract import RecordLogContract, ids, record


class TestSegmentLog(RecordLogContract):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[RecordLog]:
        log = SegmentLog(tmp_path / "new" / "log")
        yield log
        log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def segments(folder: Path) -> list[Path]:
    return sorted((folder / EVENTS).iterdir())


def test_a_segment_that_is_full_is_followed_by_another(folder: Path) -> None:
    log = SegmentLog(folder, max_segment_bytes=150)
    for n in range(10):
        log.append(EVENTS, [record(n)])
    log.close()
    assert len(segments(folder)) > 2
    assert ids(SegmentLog(folder)) == [f"e{n}" for n in range(10)]


def test_every_writer_has_segments_of_its_own(folder: Path) -> None:
    first, second = SegmentLog(folder), SegmentLog(folder)
    first.append(EVENTS, [record(1)])
    second.append(EVENTS, [record(2)])
    assert len(segments(folder)) == 2
    assert sorted(ids(first)) == ["e1", "e2"]
    first.close()
    second.close()


@pytest.mark.parametrize("kept", [1, 9, 30])
def test_a_torn_tail_is_passed_over(folder: Path, kept: int) -> None:
    log = SegmentLog(folder)
    log.append(EVENTS, [record(1)])
    log.close()
    (segment,) = segments(folder)
    with segment.open("ab") as stream:
        stream.write(to_line(record(2))[:kept])
    assert ids(SegmentLog(folder)) == ["e1"]


def test_a_damaged_line_is_passed_over_and_no_other(folder: Path) -> None:
    log = SegmentLog(folder)
    log.append(EVENTS, [record(n) for n in range(3)])
    log.close()
    (segment,) = segments(folder)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    assert ids(SegmentLog(folder)) == ["e0", "e2"]


def test_a_write_that_fails_is_not_acknowledged_and_the_next_begins_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentLog(folder)
    log.append(EVENTS, [record(1)])
    write = os.write

    def torn(fd: int, data: bytes) -> int:
        write(fd, bytes(data)[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", torn)
    with pytest.raises(RecordLogUnavailableError, match="No space left"):
        log.append(EVENTS, [record(2)])
    monkeypatch.setattr(os, "write", write)
    log.append(EVENTS, [record(3)])
    log.close()
    assert len(segments(folder)) == 2
    assert ids(log) == ["e1", "e3"]


def test_what_cannot_be_synced_is_not_acknowledged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentLog(folder)

    def failing(fd: int) -> None:
        raise OSError(5, f"Input/output error on {fd}")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(RecordLogUnavailableError, match="Input/output error"):
        log.append(EVENTS, [record(1)])


def test_who_waits_behind_a_slow_sync_shares_the_next_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SegmentLog(folder)
    log.append(EVENTS, [record(0)])
    entered, may_go_on = threading.Event(), threading.Event()
    syncs = []

    def slow(fd: int) -> None:
        syncs.append(fd)
        entered.set()
        may_go_on.wait(10)

    monkeypatch.setattr(os, "fsync", slow)
    threads = [threading.Thread(target=log.append, args=(EVENTS, [record(n)])) for n in range(1, 9)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(log._writers[EVENTS]._waiting) < 7:
        pass
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert len(syncs) == 2
    assert sorted(ids(log)) == [f"e{n}" for n in range(9)]
    log.close()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordLogUnavailableError):
        SegmentLog(tmp_path / "file").append(EVENTS, [record(1)])


def test_what_was_acknowledged_outlives_a_killed_writer(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.adapters.killed_appender", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 300:
                os.kill(process.pid, signal.SIGKILL)
                break
        acknowledged = int(line)
        for line in process.stdout:
            acknowledged = int(line)
    log = SegmentLog(folder)
    log.append(EVENTS, [Record(9_999_999, {"event_id": "after"})])
    found = ids(log)
    log.close()
    assert found[: acknowledged + 1] == [f"e{n}" for n in range(acknowledged + 1)]
    assert found[-1] == "after"
    assert len(found) - (acknowledged + 2) in (0, 1)


@pytest.mark.parametrize("line", [b"", b"\n", b"x", b"00000000 1 {}\n", b"0" * 30])
def test_what_is_no_line_is_no_record(line: bytes) -> None:
    assert from_line(line) is None


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_line(Record(1, {"a": float("nan")}))
