"""Plain rows are read another way than the rest; nobody can tell from what comes out."""

from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.config import CleaningConfig
from endcap.dataset import intake, plain_reading
from endcap.dataset.plain_rows import Layout, PlainBlock, parse_plain
from endcap.errors import DatasetError
from tests.dataset.raw_shop import (
    START,
    clean_up,
    hashes,
    intervals,
    view,
    write_events,
    write_properties,
)

TIMES = [str(START + n) for n in range(6)] * 3
TIMES += [f"0{START}", f" {START}", f"+{START}", f"{START}.0", "1e12", "x", "", "9" * 20, "12345"]
IDS = ["1", "2", "10", "123456789"] * 5
IDS += ["007", "7.0", "-1", " 7", "0", "00", "x", "", "null", "9" * 16, "1" + "0" * 16, "0x1F", "é"]
KINDS = ["view", "addtocart", "transaction"] * 4 + ["poke", " view", "", "viewed", "transactiom"]
NAMES = ["790", "categoryid", "available", "888", "12", "colour"] * 3
NAMES += ["0790", " 790", "", "null", "NaN", "ä", "a\tb", "categoryix", "1" * 20, "-"]
VALUES = ["n552.000", "n552.000 8", "", " 1 ", "1016", "ü", "n1e9", "nan", '"', "a\0b", "\udcff"]


def lines(*columns: list[str]) -> st.SearchStrategy[list[str]]:
    row = st.tuples(*map(st.sampled_from, columns)).map(",".join)
    end = st.sampled_from([""] * 9 + [",", "\r", "\x7f"])
    damaged = st.sampled_from(["", ",,", "?", "\r", ",,,,,,"])
    return st.lists(st.one_of(*[st.tuples(row, end).map("".join)] * 6, damaged), max_size=30)


EVENTS = lines(TIMES, IDS, KINDS, IDS, ["", "", "", "4000", "x", "04"])
PROPERTIES = lines(TIMES, IDS, NAMES, VALUES)
KEPT = st.sampled_from([(), ("colour", "ä", "12"), ("*",)])


@settings(max_examples=40, deadline=None)
@given(
    events=EVENTS,
    properties=PROPERTIES,
    kept=KEPT,
    as_of_ms=st.sampled_from([None, START + 4]),
    block_bytes=st.sampled_from([40, 300, 1 << 20]),
)
def test_what_is_plain_is_judged_as_any_other_row(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[str],
    properties: list[str],
    kept: tuple[str, ...],
    as_of_ms: int | None,
    block_bytes: int,
) -> None:
    folder = tmp_path_factory.mktemp("plain")
    write_events(folder / "raw", view(0), *events)
    write_properties(folder / "raw", *properties)
    cleaning = CleaningConfig(
        max_quarantine_share=1, other_properties=kept, bot_max_events_per_minute=3
    )
    for out in ("plain", "each"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain_reading, "_BLOCK_BYTES", block_bytes)
            if out == "each":
                patch.setattr(intake, "may_be_plain", lambda *_: False)
            clean_up(folder / "raw", folder / out, cleaning=cleaning, as_of_ms=as_of_ms)
    # The hashes are of all tables, the quarantine and the report with every count and reason.
    assert hashes(folder / "plain") == hashes(folder / "each")


def test_rows_of_properties_that_nothing_reads_are_checked_and_counted_not_kept(
    tmp_path: Path,
) -> None:
    write_events(tmp_path / "raw", view(0, item=10))
    rows = [f"{START},10,790,n5.000", f"{START},10,888,x", f"{START},11,colour,red", "?,10,888,x"]
    write_properties(tmp_path / "raw", *rows)
    kept = {}
    for names in ((), ("colour",), ("*",)):
        cleaning = CleaningConfig(max_quarantine_share=1, other_properties=names)
        report = clean_up(tmp_path / "raw", tmp_path / str(names), cleaning=cleaning)
        kept[names] = [row["property"] for row in intervals(tmp_path / str(names))]
        facts = report["item_properties"]
        assert (facts["rows"], facts["items"], facts["properties"]) == (3, 2, 3)
        assert report["files"][1]["quarantined"]["bad_timestamp"]["rows"] == 1
    assert kept == {
        (): ["790"],
        ("colour",): ["790", "colour"],
        ("*",): ["790", "888", "colour"],
    }


def test_an_unreadable_plain_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "events.csv.gz").write_bytes(b"\x1f\x8b\x08\x00 cut off")
    with pytest.raises(DatasetError, match=r"events\.csv\.gz: cannot be read"):
        clean_up(tmp_path, tmp_path / "out")


def test_two_blocks_of_a_file_are_parsed_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2, timeout=60)

    def parse(data: bytes, layout: Layout) -> PlainBlock:
        both.wait()  # for another block that is being parsed; alone it would wait in vain
        return parse_plain(data, layout)

    monkeypatch.setattr(plain_reading, "parse_plain", parse)
    monkeypatch.setattr(plain_reading, "_BLOCK_BYTES", 1)
    write_events(tmp_path / "raw", view(0), view(1), view(2), view(3))
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    assert report["events"]["rows"] == 4
