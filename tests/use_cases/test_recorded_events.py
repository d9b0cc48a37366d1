from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.raw_logs import OpenRawLogs
from endcap.errors import DatasetError, RecordLogUnavailableError
from endcap.ports import ERASURES, EVENTS, Record, VisitorEvent
from endcap.use_cases.recorded_events import with_recorded_events
from endcap.use_cases.runs import CLEAN, open_run
from endcap.use_cases.validate_and_clean import validate_and_clean
from tests.use_cases.fakes import MemoryLog
from tests.use_cases.small_run import HOUR_MS, NOW_MS, START_MS, log_rows, write_log

LATE_MS = START_MS + 31 * 24 * HOUR_MS


def event(name: str, item: str, user: str = "ann@example.com", **fields: Any) -> VisitorEvent:  # noqa: ANN401
    return VisitorEvent(
        **{"event_id": name, "user_id": user, "item_id": item, "event_type": "view"}
        | {"time_ms": LATE_MS}
        | fields
    )


def recorded(*events: VisitorEvent) -> MemoryLog:
    log = MemoryLog()
    log.append(EVENTS, [Record(one.time_ms + 5, asdict(one)) for one in events])
    return log


def clean(lake: FolderLake, raw: Path, log: MemoryLog | None, run_id: str) -> dict[str, Any]:
    request = {"run_id": run_id, "raw": str(raw)}
    return validate_and_clean(request, lake, OpenRawLogs(), now_ms=NOW_MS, record_log=log)


def interactions(lake: FolderLake, run_id: str) -> list[dict[str, Any]]:
    with lake.open(open_run(run_id, lake).ref(CLEAN).path) as folder:
        rows: list[dict[str, Any]] = (
            ds.dataset(folder / "interactions", format="parquet").to_table().to_pylist()
        )
    return rows


def test_recorded_events_are_part_of_the_log(lake: FolderLake, raw_log: Path) -> None:
    log = recorded(
        event("e1", "505"),
        event("e2", "a new item", event_type="addtocart"),
        event("e3", "505", event_type="transaction", transaction_id="t1", time_ms=LATE_MS + 1),
    )

    facts = clean(lake, raw_log, log, "r1")

    assert facts["events"] == len(log_rows()) + 3
    rows = [row for row in interactions(lake, "r1") if row["user_id"] == "ann@example.com"]
    # Ids are text here, whatever the shop's own log has.
    assert {(row["item_id"], row["event_type"]) for row in rows} == {
        ("505", "view"),
        ("a new item", "addtocart"),
        ("505", "transaction"),
    }
    assert {row["event_time"].timestamp() * 1000 for row in rows} == {LATE_MS, LATE_MS + 1}


def test_an_event_is_counted_once_however_often_it_was_recorded_or_exported(
    lake: FolderLake, tmp_path: Path
) -> None:
    rows = [*log_rows(), f"{LATE_MS},4711,view,505,"]
    raw = write_log(tmp_path / "raw", rows)
    twice = event("e1", "505", user="4711")

    facts = clean(lake, raw, recorded(twice, twice), "r1")

    assert facts["events"] == len(rows)


def test_what_nobody_recorded_changes_nothing(lake: FolderLake, raw_log: Path) -> None:
    first = clean(lake, raw_log, None, "r1")

    assert clean(lake, raw_log, MemoryLog(), "r2") == {**first, "reused": True}


def test_who_asked_to_be_forgotten_is(lake: FolderLake, raw_log: Path) -> None:
    log = recorded(event("e1", "505"), event("e2", "506", time_ms=LATE_MS + 50))
    log.append(ERASURES, [Record(LATE_MS + 20, {"user_id": "ann@example.com"})])

    clean(lake, raw_log, log, "r1")

    rows = [row for row in interactions(lake, "r1") if row["user_id"] == "ann@example.com"]
    assert [row["item_id"] for row in rows] == ["506"]


def test_the_shops_folder_is_left_as_it_was(raw_log: Path) -> None:
    before = sorted(raw_log.rglob("*"))

    with with_recorded_events(raw_log, recorded(event("e1", "505")), now_ms=NOW_MS) as folder:
        assert folder != raw_log
        names = {path.name for path in folder.iterdir()}
        assert names == {path.name for path in before} | {"events-recorded.jsonl"}
        assert (folder / "events.csv").read_bytes() == (raw_log / "events.csv").read_bytes()

    assert sorted(raw_log.rglob("*")) == before
    assert not folder.exists()


def test_a_file_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    raw = write_log(tmp_path / "raw", log_rows())
    (raw / "events-recorded.jsonl").write_text("mine\n")

    with (
        pytest.raises(DatasetError, match="has the name of the service's own events"),
        with_recorded_events(raw, recorded(event("e1", "505")), now_ms=NOW_MS),
    ):
        pass


def test_a_record_log_that_is_away_stops_the_run(lake: FolderLake, raw_log: Path) -> None:
    with pytest.raises(RecordLogUnavailableError):
        clean(lake, raw_log, MemoryLog(is_down=True), "r1")
