from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.dataset.log import load_log
from endcap.dataset.splits import DAY_MS

INSTANT = pa.timestamp("ms", tz="UTC")


@pytest.fixture
def clean_folder(tmp_path: Path) -> Path:
    """Visitor 0 sees items 0 and 1 on day 0 and item 2 on day 1; visitor 1, a bot, sees item 0."""
    days = {"1970-01-01": [(0, 0, 0, 5, False), (0, 1, 1, 5, False), (1, 0, 0, 6, True)]}
    days["1970-01-02"] = [(0, 2, 2, DAY_MS + 5, False)]
    for day, rows in days.items():
        folder = tmp_path / "interactions" / f"event_date={day}"
        folder.mkdir(parents=True)
        user, item, kind, time, bot = zip(*rows, strict=True)
        table = pa.table(
            {
                "user_code": pa.array(user, pa.int32()),
                "item_code": pa.array(item, pa.int32()),
                "event_type_code": pa.array(kind, pa.int8()),
                "event_time": pa.array(time, INSTANT),
                "is_bot": pa.array(bot),
            }
        )
        pq.write_table(table, folder / "part-0.parquet")
    for name, seen in (("items", [5, 5, DAY_MS + 5]), ("users", [5, 6])):
        table = pa.table({"first_seen": pa.array(seen, INSTANT)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


def test_events_are_sorted_by_visitor_and_bots_are_left_out(clean_folder: Path) -> None:
    log = load_log(clean_folder, before_ms=2 * DAY_MS)
    assert log.user.tolist() == [0, 0, 0]
    assert log.item.tolist() == [0, 1, 2]
    assert log.ptr.tolist() == [0, 3, 3]
    assert (log.n_users, log.n_items) == (2, 3)


def test_nothing_at_or_after_the_cut_is_read(clean_folder: Path) -> None:
    log = load_log(clean_folder, before_ms=DAY_MS + 5)
    assert log.item.tolist() == [0, 1]
    assert log.n_items == 2
    assert load_log(clean_folder, before_ms=6).n_users == 1


def test_a_cut_before_the_first_event_gives_an_empty_log(clean_folder: Path) -> None:
    log = load_log(clean_folder, before_ms=1)
    assert (len(log), log.n_users, log.n_items) == (0, 0, 0)


def test_an_earlier_cut_of_the_arrays_equals_reading_at_that_cut(clean_folder: Path) -> None:
    whole = load_log(clean_folder, before_ms=2 * DAY_MS)
    read = load_log(clean_folder, before_ms=DAY_MS)
    cut = whole.before(DAY_MS, n_users=read.n_users, n_items=read.n_items)
    assert cut.item.tolist() == read.item.tolist()
    assert cut.ptr.tolist() == read.ptr.tolist()
