import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from endcap.config import CleaningConfig
from endcap.dataset.report_page import report_page
from endcap.dataset.report_text import report_text
from tests.dataset.raw_shop import START, clean_up, view, write_events, write_lines

HOUR, DAY = 3_600_000, 86_400_000
VOID = {"meta", "line", "rect"}


class Balance(HTMLParser):
    """Fails on a tag that is closed out of order; notes every reference to elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself leaves nothing open."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def make_report(tmp_path: Path) -> dict[str, Any]:
    write_events(
        tmp_path / "raw",
        view(0, 1, 10),
        view(HOUR, 1, 10),  # a new session: the gap is longer than 30 minutes
        view(HOUR + 1, 1, 11),
        view(2 * DAY, 2, 11),
        f"{START},2,<script>alert(1)</script>,11,",
        view(2 * DAY, 2, 11),
    )
    write_lines(tmp_path / "raw" / "notes.txt", "hello")
    return clean_up(tmp_path / "raw", tmp_path / "out")


def test_the_report_counts_what_the_log_holds(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    events = report["events"]
    assert events["rows"] == 4
    assert (events["first_event"], events["last_event"]) == (
        "2015-06-01T00:00:00.000Z",
        "2015-06-03T00:00:00.000Z",
    )
    assert events["by_type"] == {"view": 4, "addtocart": 0, "transaction": 0}
    assert events["by_day"] == [
        {"date": "2015-06-01", "events": 3},
        {"date": "2015-06-03", "events": 1},
    ]
    assert events["visitors"]["count"] == 2
    assert events["visitors"]["one_event_share"] == 1 / 2
    assert events["visitors"]["events_mean"] == 4 / 2
    assert events["items"] == {"count": 2, "one_event_share": 0.0}
    assert events["sessions"]["count"] == 2 + 1
    assert events["sparsity"] == 1 - 3 / (2 * 2)
    assert report["unread_files"] == ["notes.txt"]
    assert report["facts"] == {
        "first_event_ms": START,
        "last_event_ms": START + 2 * DAY,
        "events": 4,
        "moments": 4 - 2,
        "visitors": 2,
        "items": 2,
        "quarantined": 2,
        "warnings": [warning["code"] for warning in report["warnings"]],
    }


def test_what_is_returned_is_what_is_written(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    assert json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8")) == report


def test_the_page_is_well_formed_self_contained_and_escapes_the_log(tmp_path: Path) -> None:
    make_report(tmp_path)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert parser.references == []
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page
    assert page.count("<rect") == 2


def test_a_page_can_be_made_of_a_report_that_stopped_early(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    stopped = {**report, "events": {}, "item_properties": {}, "facts": {}, "stopped": "it <broke>"}
    assert "it &lt;broke&gt;" in report_page(stopped)
    assert report_text(stopped).endswith("stopped: it <broke>")


def test_the_text_names_files_reasons_and_warnings(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0), "\x1b[31m,1,view,10,")
    report = clean_up(
        tmp_path / "raw", tmp_path / "out", cleaning=CleaningConfig(max_quarantine_share=0.5)
    )
    text = report_text(report)
    assert "events.csv: 2 rows, 1 kept" in text
    assert "bad_timestamp" in text
    assert "row 2: '\\x1b[31m,1,view,10,'" in text
    assert "note: no item properties" in text
    assert "\x1b" not in text
