"""Cleaning finds exactly the rows that the simulator broke."""

import csv
from pathlib import Path

from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from tests.dataset.raw_shop import clean_up, quarantine

REASON_OF = {
    "bad timestamp": "bad_timestamp",
    "missing timestamp": "bad_timestamp",
    "impossible timestamp": "impossible_time",
    "missing visitor": "missing_user_id",
    "non-integer visitor": "bad_user_id",
    "missing event": "unknown_event_type",
    "unknown event": "unknown_event_type",
    "missing item": "missing_item_id",
    "non-integer item": "bad_item_id",
    "missing property": "missing_property",
    "missing column": "wrong_column_count",
    "extra column": "wrong_column_count",
}


def test_each_broken_row_is_found_with_its_reason_and_number(tmp_path: Path) -> None:
    simulate(tmp_path / "raw", scale=TINY, seed=7, malformed_share=0.03)
    clean_up(tmp_path / "raw", tmp_path / "out")
    with (tmp_path / "raw/truth/malformed.csv").open(newline="") as stream:
        broken = {
            (row["file"], int(row["row_number"]), REASON_OF[row["kind"]])
            for row in csv.DictReader(stream)
        }
    found = {
        (file, number, reason)
        for file, number, reason, _ in quarantine(tmp_path / "out")
        if reason != "duplicate"
    }
    assert len(broken) > 100
    assert found == broken
