import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.config import CleaningConfig
from endcap.dataset import plain_reading
from endcap.dataset.mapping import RETAILROCKET
from endcap.errors import DatasetError, TooManyBadRowsError
from tests.dataset.raw_shop import (
    START,
    clean_up,
    hashes,
    interactions,
    intervals,
    quarantine,
    reasons,
    rows_of,
    view,
    warning_codes,
    write_events,
    write_lines,
    write_properties,
    write_tree,
)

DAY = 86_400_000


def test_an_event_becomes_a_canonical_row(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", f"{START},7,transaction,42,4000")
    clean_up(tmp_path / "raw", tmp_path / "out")
    (row,) = rows_of(tmp_path / "out/interactions/event_date=2015-06-01/part-0.parquet")
    assert row.pop("event_id") == f"{START}-1000001002004-7-42-transaction-4000"
    assert row == {
        "user_id": "7",
        "item_id": "42",
        "event_type": "transaction",
        "event_time": datetime(2015, 6, 1, tzinfo=UTC),
        "transaction_id": "4000",
        "user_code": 0,
        "item_code": 0,
        "event_type_code": 2,
        "is_bot": False,
        "session_code": 0,
        "session_place": 0,
        "session_next_time": None,
        "previous_item_code": None,
        "before_item_code": None,
    }


def test_an_event_id_follows_from_the_event_and_tells_ids_apart(tmp_path: Path) -> None:
    events = RETAILROCKET.events[0].model_copy(update={"id_format": "text"})
    mapping = RETAILROCKET.model_copy(update={"events": (events,)})
    rows = [
        f"{START},a-b,view,c,",
        f"{START},a,view,b-c,",
        f"{START + 1},a,transaction,b-c,d",
        f"{START + 1},a,transaction,b,c-d",
    ]
    write_events(tmp_path / "raw", *rows)
    clean_up(tmp_path / "raw", tmp_path / "out", mapping=mapping)
    ids = [row["event_id"] for row in interactions(tmp_path / "out")]
    assert len(set(ids)) == len(rows)
    write_events(tmp_path / "less", view(0), rows[2])
    clean_up(tmp_path / "less", tmp_path / "again", mapping=mapping)
    assert [row["event_id"] for row in interactions(tmp_path / "again")][1] == ids[2]


def test_ids_of_one_moment_are_in_the_order_of_the_log(tmp_path: Path) -> None:
    # Whoever reads a visitor's events back goes by time and id; training goes by the log.
    at_once = [("view", 9), ("addtocart", 9), ("view", 10), ("view", 100), ("addtocart", 10)]
    rows = [
        f"{START + moment},{user},{kind},{item},"
        for moment in (0, 5)
        for kind, item in at_once
        for user in (2, 1)
    ]
    write_events(tmp_path / "raw", *rows)
    clean_up(tmp_path / "raw", tmp_path / "out")
    found = interactions(tmp_path / "out")
    for user in ("1", "2"):
        own = [row for row in found if row["user_id"] == user]
        assert [(row["event_type"], int(row["item_id"])) for row in own] == at_once * 2
        assert sorted(own, key=lambda row: (row["event_time"], row["event_id"])) == own
    assert len({row["event_id"] for row in found}) == len(rows)


def test_ten_kinds_of_broken_rows_are_quarantined_with_reason_row_number_and_text(
    tmp_path: Path,
) -> None:
    broken = {
        2: ("wrong_column_count", f"{START},1,view,10"),
        4: ("wrong_column_count", f"{START},1,view,10,,extra"),
        6: ("bad_timestamp", "yesterday,1,view,10,"),
        8: ("impossible_time", "12345,1,view,10,"),
        10: ("missing_user_id", f"{START},,view,10,"),
        12: ("bad_user_id", f"{START},visitor-7,view,10,"),
        14: ("unknown_event_type", f"{START},1,swipe,10,"),
        16: ("missing_item_id", f"{START},1,view,,"),
        18: ("bad_item_id", f"{START},1,view,12.5kg,"),
        20: ("missing_transaction_id", f"{START},1,transaction,10,"),
        22: ("unexpected_transaction_id", f"{START},1,view,10,4000"),
        24: ("bad_transaction_id", f"{START},1,transaction,10,x"),
        26: ("wrong_column_count", ""),
        28: ("bad_user_id", f"{START},-1,view,10,"),
        30: ("impossible_time", "99999999999999,1,view,10,"),
        32: ("bad_timestamp", "99999999999999999999999,1,view,10,"),
        34: ("bad_timestamp", ",1,view,10,"),
        36: ("missing_user_id", f"{START},null,view,10,"),
    }
    good = {number: view(number) for number in range(1, 38, 2)}
    rows = [good[n] if n in good else broken[n][1] for n in range(1, 38)]
    write_events(tmp_path / "raw", *rows)
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    expected = [("events.csv", n, reason, raw) for n, (reason, raw) in broken.items()]
    assert quarantine(tmp_path / "out") == expected
    assert len(interactions(tmp_path / "out")) == len(good)
    (file,) = report["files"]
    assert (file["rows"], file["kept"], file["bad"]) == (37, 19, 18)
    assert file["quarantined"]["unknown_event_type"]["example"] == {
        "row_number": 14,
        "raw": f"{START},1,swipe,10,",
    }


def test_undecodable_rows_are_quarantined_and_shown_escaped(tmp_path: Path) -> None:
    rows = [view(1), f"{START},1,v\udcffew,10,", f"{START},1\0,view,10,", view(2)]
    write_events(tmp_path / "raw", *rows)
    clean_up(tmp_path / "raw", tmp_path / "out")
    assert quarantine(tmp_path / "out") == [
        ("events.csv", 2, "bad_encoding", f"{START},1,v\\xffew,10,"),
        ("events.csv", 3, "bad_encoding", f"{START},1\\x00,view,10,"),
    ]


def test_ids_are_tolerated_as_whole_floats_and_with_blanks(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", f" {START}.0 , 7.0 , view , 6768.0 ,", f"{START},7,view,8,")
    clean_up(tmp_path / "raw", tmp_path / "out")
    found = {(row["user_id"], row["item_id"]) for row in interactions(tmp_path / "out")}
    assert found == {("7", "6768"), ("7", "8")}


def test_sixty_percent_broken_stops_and_names_the_worst_reason_and_a_row(tmp_path: Path) -> None:
    rows = [view(n) for n in range(4)] + ["when,1,view,10,"] * 2 + [f"{START},1,poke,10,"] * 4
    write_events(tmp_path / "raw", *rows)
    with pytest.raises(TooManyBadRowsError) as error:
        clean_up(tmp_path / "raw", tmp_path / "out", cleaning=CleaningConfig())
    message = str(error.value)
    assert message.startswith("events.csv: 6 of 10 rows (60.0%) are bad, and at most 20.0% may be")
    assert f"unknown_event_type (4 rows), for example row 7: '{START},1,poke,10,'" in message
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["stopped"] == message
    assert "poke" in (tmp_path / "out/report.html").read_text()
    assert len(quarantine(tmp_path / "out")) == 6


def test_the_limit_holds_for_each_file_by_itself(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", *[view(n) for n in range(100)])
    write_properties(tmp_path / "raw", f"{START},10,790,n1.000", "when,10,790,n1.000")
    with pytest.raises(TooManyBadRowsError, match=r"item_properties_part1\.csv: 1 of 2"):
        clean_up(tmp_path / "raw", tmp_path / "out", cleaning=CleaningConfig())


def test_duplicates_are_kept_once_and_do_not_count_as_bad(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(1), view(2), view(1), f"{START + 1},1.0,view,10,", view(2))
    report = clean_up(
        tmp_path / "raw", tmp_path / "out", cleaning=CleaningConfig(max_quarantine_share=0)
    )
    assert reasons(tmp_path / "out") == [(3, "duplicate"), (4, "duplicate"), (5, "duplicate")]
    assert quarantine(tmp_path / "out")[1][3] == f"{START + 1},1.0,view,10,"
    assert len(interactions(tmp_path / "out")) == 2
    assert report["files"][0]["kept"] == 2
    assert report["files"][0]["bad_share"] == 0


def test_codes_follow_first_appearance_then_id(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(5, 3, 30), view(9, 1, 10), view(5, 2, 20), view(7, 3, 10))
    clean_up(tmp_path / "raw", tmp_path / "out")
    items = rows_of(tmp_path / "out/items.parquet")
    users = rows_of(tmp_path / "out/users.parquet")
    # 20 and 30 were both first seen at 5, 10 at 7; visitors 2 and 3 at 5, 1 at 9.
    assert [(r["item_code"], r["item_id"]) for r in items] == [(0, "20"), (1, "30"), (2, "10")]
    assert [(r["user_code"], r["user_id"]) for r in users] == [(0, "2"), (1, "3"), (2, "1")]


def test_interactions_are_sorted_and_split_by_utc_day(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(DAY), view(DAY - 1), view(0), view(DAY + 5, 2))
    clean_up(tmp_path / "raw", tmp_path / "out")
    days = sorted(path.name for path in (tmp_path / "out/interactions").iterdir())
    assert days == ["event_date=2015-06-01", "event_date=2015-06-02"]
    keys = [(row["event_time"], row["event_id"]) for row in interactions(tmp_path / "out")]
    assert keys == sorted(keys)


def test_the_same_input_gives_the_same_bytes_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many blocks and several days: there is something to do side by side.
    monkeypatch.setattr(plain_reading, "_BLOCK_BYTES", 200)
    rows = [view(n % 500 * 977_000, n % 7, n % 11) for n in range(800)]
    write_events(tmp_path / "raw", *rows, "broken")
    write_properties(tmp_path / "raw", *[f"{START},{n % 11},p{n % 3},n{n}.000" for n in range(90)])
    write_tree(tmp_path / "raw", "1,", "2,1")
    for threads in (1, 2, 3):
        clean_up(tmp_path / "raw", tmp_path / str(threads), threads=threads)
    clean_up(tmp_path / "raw", tmp_path / "again")
    assert hashes(tmp_path / "1") == hashes(tmp_path / "3")
    assert hashes(tmp_path / "2") == hashes(tmp_path / "3") == hashes(tmp_path / "again")


def test_rows_at_or_after_the_as_of_time_are_left_out_not_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0), view(9), view(10), f"{START + 11},x,view,1,")
    report = clean_up(tmp_path / "raw", tmp_path / "out", as_of_ms=START + 10)
    assert len(interactions(tmp_path / "out")) == 2
    assert quarantine(tmp_path / "out") == []
    assert report["files"][0]["after_as_of"] == 2


def test_an_event_after_now_is_impossible(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0), view(10), view(11))
    clean_up(tmp_path / "raw", tmp_path / "out", now_ms=START + 10)
    assert reasons(tmp_path / "out") == [(3, "impossible_time")]


def test_times_in_seconds_are_refused_with_a_hint_at_the_unit(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", f"{START // 1000},1,view,10,")
    with pytest.raises(TooManyBadRowsError, match="another unit"):
        clean_up(tmp_path / "raw", tmp_path / "out", cleaning=CleaningConfig())


def test_missing_optional_inputs_give_empty_tables_and_warnings(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    assert intervals(tmp_path / "out") == []
    assert rows_of(tmp_path / "out/categories/part-0.parquet") == []
    assert {"no_item_properties", "no_category_tree"} <= set(warning_codes(report))


def test_optional_inputs_that_join_to_nothing_are_named(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0, item=10))
    write_properties(tmp_path / "raw", f"{START},99,categoryid,5")
    write_tree(tmp_path / "raw", "5,")
    codes = warning_codes(clean_up(tmp_path / "raw", tmp_path / "out"))
    assert {"item_properties_join_no_item", "category_tree_joins_no_item"} <= set(codes)


def test_inputs_that_join_give_no_such_warning(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0, item=10), view(1, item=11))
    write_properties(tmp_path / "raw", f"{START},10,categoryid,5", f"{START},10,790,n5.000")
    write_tree(tmp_path / "raw", "5,")
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    assert not [c for c in warning_codes(report) if "join" in c or c.startswith("no_")]
    assert report["item_properties"]["join_coverage"] == 1 / 2
    assert report["item_properties"]["event_items_in_category_tree"] == 1


def test_faults_of_the_tree_survive_and_are_reported(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    write_tree(tmp_path / "raw", "1,1", "2,3", "3,2", "4,9", "5,", "5,", "5,1", "x,1", ",1", "6,y")
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    rows = rows_of(tmp_path / "out/categories/part-0.parquet")
    assert [(r["category_id"], r["parent_id"]) for r in rows] == [
        ("1", "1"),
        ("2", "3"),
        ("3", "2"),
        ("4", "9"),
        ("5", None),
    ]
    assert sorted(reasons(tmp_path / "out")) == [
        (6, "duplicate"),
        (7, "conflicting_parent"),
        (8, "bad_category_id"),
        (9, "missing_category_id"),
        (10, "bad_category_id"),
    ]
    faults = {"category_own_parent", "category_cycle", "category_orphans"}
    assert faults <= set(warning_codes(report))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"timestamp,visitorid,event\n", "has no column 'itemid'"),
        (b"timestamp,visitorid,event,itemid,transactionid\n", "holds no usable event"),
        ("timestamp,visitorid\n".encode("utf-16"), "UTF-16"),
        (
            b"1433116800000,1,view,10,\n",
            "has no column 'timestamp'; its columns are: 1433116800000",
        ),
    ],
)
def test_an_unusable_event_file_is_one_clear_error(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "events.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        clean_up(tmp_path, tmp_path / "out")


def test_a_folder_without_events_says_what_is_expected(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw" / "clicks.csv", "a,b")
    with pytest.raises(DatasetError, match=r"has no events\.csv.*docs/mapping\.md"):
        clean_up(tmp_path / "raw", tmp_path / "out")


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        clean_up(tmp_path / "raw", tmp_path / "out")


def test_no_event_before_the_as_of_time_is_one_clear_error(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(5))
    with pytest.raises(DatasetError, match="no event before the as-of time 2015-06-01T00:00:00"):
        clean_up(tmp_path / "raw", tmp_path / "out", as_of_ms=START)


def test_empty_optional_files_are_skipped_with_a_warning(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    (tmp_path / "raw/category_tree.csv").touch()
    write_properties(tmp_path / "raw")
    codes = warning_codes(clean_up(tmp_path / "raw", tmp_path / "out"))
    assert {"empty_file", "no_category_tree", "no_item_properties"} <= set(codes)


def test_the_real_events_are_all_kept_and_the_missing_joins_are_named(
    tmp_path: Path, real_data: Path
) -> None:
    report = clean_up(real_data, tmp_path / "out", cleaning=CleaningConfig())
    assert report["events"]["by_type"] == {"view": 60_288, "addtocart": 9_836, "transaction": 7_484}
    assert report["events"]["rows"] == 77_608
    assert report["facts"]["quarantined"] == 0
    messages = " / ".join(warning["message"] for warning in report["warnings"])
    assert "no item properties" in messages
    assert "category tree joins to no item" in messages
    assert len(rows_of(tmp_path / "out/categories/part-0.parquet")) == 1_669


RAW_EVENT = st.tuples(
    st.integers(0, 400),
    st.integers(1, 3),
    st.sampled_from(["view", "view", "addtocart", "poke"]),
    st.sampled_from(["10", "11", "12", "", "x"]),
)
RAW_PROPERTY = st.tuples(
    st.integers(0, 400), st.sampled_from(["10", "11"]), st.sampled_from(["n1.000", "n2.000", "z"])
)


@settings(max_examples=12, deadline=None)
@given(
    events=st.lists(RAW_EVENT, min_size=1, max_size=25),
    properties=st.lists(RAW_PROPERTY, max_size=12),
    cut=st.integers(1, 400),
)
def test_cleaning_a_log_as_of_a_time_equals_cleaning_the_log_cut_there(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, int, str, str]],
    properties: list[tuple[int, str, str]],
    cut: int,
) -> None:
    folder = tmp_path_factory.mktemp("as_of")
    always = view(0)  # so that there is an event before each cut
    for name, limit in (("whole", 401), ("cut", cut)):
        rows = [f"{START + at * 500},{u},{kind},{i}," for at, u, kind, i in events if at < limit]
        write_events(folder / name, always, *rows)
        values = [f"{START + at * 500},{i},790,{v}" for at, i, v in properties if at < limit]
        write_properties(folder / name, *values)
    strict = CleaningConfig(
        max_quarantine_share=1, bot_max_events_per_minute=3, bot_max_events_per_day=4
    )
    as_of_ms = START + cut * 500
    clean_up(folder / "whole", folder / "a", cleaning=strict, as_of_ms=as_of_ms)
    clean_up(folder / "cut", folder / "b", cleaning=strict, as_of_ms=None)
    tables = [
        {name: digest for name, digest in hashes(folder / out).items() if _is_table(name)}
        for out in ("a", "b")
    ]
    assert tables[0] == tables[1]
    whole = clean_up(folder / "whole", folder / "c", cleaning=strict)
    assert whole["facts"]["items"] >= 1
    assert _codes(folder / "c")[: len(_codes(folder / "b"))] == _codes(folder / "b")
    flags = {row["event_id"]: row["is_bot"] for row in interactions(folder / "c")}
    for row in interactions(folder / "b"):
        assert row["is_bot"] == flags[row["event_id"]]


def _is_table(name: str) -> bool:
    # Row numbers in quarantine count the rows of the file, which differ by what was cut away.
    return name.endswith(".parquet") and not name.startswith("quarantine")


def _codes(out: Path) -> list[str]:
    return [row["item_id"] for row in rows_of(out / "items.parquet")]
