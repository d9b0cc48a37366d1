import json
from pathlib import Path
from typing import Any

import pytest

from endcap.errors import DatasetError
from endcap.serving.requests import GivenEvent, GivenHistory
from endcap.use_cases.batch_lines import LATEST_MS, BatchLine, parse_line

FILE = Path("requests.jsonl")
NOON_MS = 1_430_568_000_000
"""2015-05-02 12:00 UTC."""


def parse(content: object) -> BatchLine:
    return parse_line(json.dumps(content).encode(), file=FILE, number=3)


def event_of(**fields: object) -> GivenEvent:
    (event,) = parse({"events": [{"item_id": "1", **fields}]}).to_given().events
    return event


def complaint_about(content: object) -> str:
    with pytest.raises(DatasetError) as caught:
        parse(content)
    message = str(caught.value)
    assert message.startswith("requests.jsonl, line 3: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("written", "time_ms"),
    [
        (NOON_MS, NOON_MS),
        (float(NOON_MS), NOON_MS),
        (0, 0),
        (LATEST_MS, LATEST_MS),
        ("2015-05-02T12:00:00Z", NOON_MS),
        ("2015-05-02T12:00:00z", NOON_MS),
        ("2015-05-02T12:00:00", NOON_MS),
        ("2015-05-02 12:00", NOON_MS),
        ("  2015-05-02T12:00:00Z ", NOON_MS),
        ("2015-05-02T14:00:00+02:00", NOON_MS),
        ("2015-05-02T04:30:00-0730", NOON_MS),
        ("20150502T120000Z", NOON_MS),
        ("2015-05-02", NOON_MS - 12 * 3_600_000),
        ("2015-05-02T12:00:00.001Z", NOON_MS + 1),
        ("2015-05-02T12:00:00.129999Z", NOON_MS + 129),
        ("1970-01-01T00:00:00Z", 0),
        (None, None),
    ],
)
def test_a_time_is_epoch_milliseconds_or_iso_text_in_utc_unless_it_says_otherwise(
    written: object, time_ms: int | None
) -> None:
    assert event_of(event_time=written).time_ms == time_ms
    assert parse({"now": written}).to_given().now_ms == time_ms


@pytest.mark.parametrize(
    "written",
    [
        -1,
        -1.0,
        1.5,
        LATEST_MS + 1,
        1_430_568_000_000_000,
        10**30,
        True,
        "",
        "yesterday",
        "1430568000000",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "2015-02-30",
        "2015-05-02T25:00:00",
        [],
        {},
    ],
)
def test_what_is_no_time_is_refused_and_shown(written: object) -> None:
    message = complaint_about({"events": [{"item_id": "1", "event_time": written}]})

    assert "events.0.event_time: " in message
    assert repr(written)[:60] in message
    assert "ISO 8601" in message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_is_none_is_no_time_and_no_id(number: str) -> None:
    for line in (f'{{"now": {number}}}', f'{{"id": {number}}}'):
        with pytest.raises(DatasetError, match="line 1: "):
            parse_line(line.encode(), file=FILE, number=1)


@pytest.mark.parametrize("given", ["a", "", 7, 7.0, -2.5, 0, None, "é", 10**25, "007"])
def test_the_id_of_a_line_comes_back_as_it_was_written(given: object) -> None:
    echoed = parse({"id": given}).id

    assert echoed == given
    assert type(echoed) is type(given)
    assert json.dumps(echoed) == json.dumps(given)


@pytest.mark.parametrize("given", [[], [1], {}, {"id": 1}])
def test_an_id_that_is_no_single_value_is_refused(given: object) -> None:
    assert "id: an id must be text, a number or null" in complaint_about({"id": given})


@pytest.mark.parametrize(
    ("written", "item_id"),
    [("sku 1", "sku 1"), (17, "17"), (17.0, "17"), (1.5, "1.5"), (" 17\t", "17"), ("", "")],
)
def test_an_item_is_spelled_as_in_the_cleaned_log(written: object, item_id: str) -> None:
    (event,) = parse({"events": [{"item_id": written}]}).to_given().events

    assert event.item_id == item_id


@pytest.mark.parametrize("written", [None, True, [], {}])
def test_an_item_needs_an_id(written: object) -> None:
    assert "events.1.item_id: an id must be" in complaint_about(
        {"events": [{"item_id": "1"}, {"item_id": written}]}
    )


def test_an_event_without_an_item_is_refused() -> None:
    assert "events.0.item_id: Field required" in complaint_about({"events": [{}]})


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        ({}, "view"),
        ({"event_type": None}, "view"),
        ({"event_type": " addtocart "}, "addtocart"),
        ({"event_type": "wishlist"}, "wishlist"),
    ],
)
def test_an_event_is_a_view_unless_it_says_otherwise(
    fields: dict[str, Any], event_type: str
) -> None:
    assert event_of(**fields).event_type == event_type


def test_an_event_type_that_is_no_text_is_refused() -> None:
    line = {"events": [{"item_id": "1", "event_type": 2}]}

    assert "events.0.event_type: " in complaint_about(line)


@pytest.mark.parametrize("line", [{}, {"events": []}, {"events": None}, {"id": None}])
def test_a_line_may_tell_nothing(line: dict[str, Any]) -> None:
    assert parse(line).to_given() == GivenHistory([], None)


def test_unknown_fields_are_passed_over() -> None:
    line = {"events": [{"item_id": "1", "price": 3}], "k": 5, "events2": "no"}

    assert parse(line).to_given() == GivenHistory([GivenEvent("1", "view", None)], None)


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"null", b'"a"', b"{'id': 1}", b'{"id": 1} x', b'{"id": "\xff"}', b"nonsense"],
)
def test_a_line_that_is_no_json_object_is_refused_with_its_number(line: bytes) -> None:
    with pytest.raises(DatasetError, match=r"^requests\.jsonl, line 12: the whole line: "):
        parse_line(line, file=FILE, number=12)


def test_a_byte_order_mark_before_the_first_line_is_passed_over() -> None:
    assert parse_line(b'\xef\xbb\xbf{"id": 1}', file=FILE, number=1).id == 1
