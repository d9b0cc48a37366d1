"""RetailRocket's real events: no usable item properties, a category tree that joins no item."""

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.built_once import built_once
from tests.workflow.command_line import succeed, train
from tests.workflow.marked_rows import EVENTS, read_rows
from tests.workflow.step_files import step_folder

pytestmark = pytest.mark.slow

HISTORIES = 1000
K = 20
NOTES = {
    "no_item_properties": "no item properties: features of price, category and availability stay "
    "empty",
    "category_tree_joins_no_item": "category tree joins to no item: none of its 1,669 categories "
    "is the category of an item with events",
}


@dataclass(frozen=True)
class RealShop:
    lake: Path
    printed: str
    rows: list[list[str]]

    def histories(self) -> list[dict[str, Any]]:
        """Return the histories of the log's first visitors as request lines."""
        by_visitor: dict[str, list[dict[str, Any]]] = {}
        for time_ms, visitor, event_type, item, _ in self.rows:
            event = {"item_id": item, "event_type": event_type, "event_time": int(time_ms)}
            by_visitor.setdefault(visitor, []).append(event)
        histories = [{"id": visitor, "events": found} for visitor, found in by_visitor.items()]
        return list(islice(histories, HISTORIES))


@pytest.fixture(scope="module")
def shop(real_data: Path, quick_config: Path, tmp_path_factory: pytest.TempPathFactory) -> RealShop:
    def build(folder: Path) -> None:
        printed = train(real_data, folder / "lake", quick_config, "--run-id", "real")
        (folder / "printed.txt").write_text(printed)

    folder = built_once(tmp_path_factory, "real-log", build)
    rows = [row.split(",") for row in read_rows(real_data, EVENTS)]
    return RealShop(folder / "lake", (folder / "printed.txt").read_text(), rows)


def test_the_run_succeeds_and_says_what_the_data_lack(shop: RealShop) -> None:
    assert "note: no item properties, category tree joins no item" in shop.printed
    folder = step_folder(shop.lake, "real", "clean")
    report = json.loads((folder / "report.json").read_text())
    notes = {warning["code"]: warning["message"] for warning in report["warnings"]}
    assert notes == NOTES
    page = (folder / "report.html").read_text()
    assert all(message in page for message in NOTES.values())
    assert report["events"]["rows"] == len(shop.rows) == 77_608
    run = json.loads((shop.lake / "runs" / "real" / "report.json").read_text())
    assert (run["status"], run["gate"]["outcome"]) == ("SUCCEEDED", "promote")


def test_a_thousand_of_its_histories_are_answered(shop: RealShop, tmp_path: Path) -> None:
    asked, answered = tmp_path / "requests.jsonl", tmp_path / "recommendations.jsonl"
    histories = shop.histories()
    assert len(histories) == HISTORIES
    asked.write_text("".join(json.dumps(history) + "\n" for history in histories))
    files = ("--input", asked, "--output", answered)
    printed = succeed("batch", "--lake", shop.lake, *files, "--k", str(K))
    assert printed == f"Wrote 1,000 answers to {answered}\n"
    answers = [json.loads(line) for line in answered.read_text().splitlines()]
    assert [answer["id"] for answer in answers] == [history["id"] for history in histories]
    catalogue = {row[3] for row in shop.rows}
    for history, answer in zip(histories, answers, strict=True):
        found = [item["item_id"] for item in answer["items"]]
        assert len(set(found)) == len(found) == K
        assert set(found) <= catalogue - {event["item_id"] for event in history["events"]}
    # They are recommendations, not one list for all.
    assert len({answer["items"][0]["item_id"] for answer in answers}) > 500
