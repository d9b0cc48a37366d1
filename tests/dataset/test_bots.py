from pathlib import Path

from endcap.config import CleaningConfig
from tests.dataset.raw_shop import (
    START,
    clean_up,
    interactions,
    view,
    warning_codes,
    write_events,
)

MINUTE, DAY = 60_000, 86_400_000
RULE = CleaningConfig(
    bot_max_events_per_minute=3, bot_max_events_per_day=5, max_quarantine_share=1.0
)


def bought(at: int, item: int = 10) -> str:
    return f"{START + at},1,transaction,{item},7"


def flags(tmp_path: Path, *rows: str) -> list[bool]:
    write_events(tmp_path / "raw", *rows)
    clean_up(tmp_path / "raw", tmp_path / "out", cleaning=RULE)
    return [row["is_bot"] for row in interactions(tmp_path / "out")]


def test_the_event_past_the_minutes_limit_and_all_later_ones_are_flagged(tmp_path: Path) -> None:
    rows = [view(at, item=at + 1) for at in range(4)] + [view(9 * DAY)]
    assert flags(tmp_path, *rows) == [False, False, False, True, True]


def test_the_event_past_the_days_limit_is_flagged(tmp_path: Path) -> None:
    assert flags(tmp_path, *[view(at * MINUTE) for at in range(6)]) == [False] * 5 + [True]


def test_as_many_events_as_allowed_are_not_flagged(tmp_path: Path) -> None:
    assert flags(tmp_path, *[view(at) for at in range(3)]) == [False] * 3


def test_counts_start_anew_with_each_minute_and_day(tmp_path: Path) -> None:
    rows = [view(day * DAY + at) for day in range(4) for at in range(3)]
    assert flags(tmp_path, *rows) == [False] * 12


def test_the_lines_of_an_order_are_no_clicks(tmp_path: Path) -> None:
    order = [bought(9 * MINUTE, item=at + 1) for at in range(8)]
    assert flags(tmp_path, view(0), view(1), *order, view(2 * DAY)) == [False] * 11


def test_who_only_buys_is_no_bot(tmp_path: Path) -> None:
    assert flags(tmp_path, *[bought(0, item=at + 1) for at in range(8)]) == [False] * 8


def test_a_bots_transactions_are_flagged_with_all_that_follows(tmp_path: Path) -> None:
    rows = [view(at, item=at + 1) for at in range(2)] + [bought(2)] + [view(3), view(4)]
    assert flags(tmp_path, *rows, bought(9 * DAY)) == [False] * 4 + [True, True]


def test_other_visitors_are_not_flagged_and_the_report_counts_bots(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", *[view(at, 1) for at in range(5)], view(9, 2))
    report = clean_up(tmp_path / "raw", tmp_path / "out", cleaning=RULE)
    assert {row["user_id"] for row in interactions(tmp_path / "out") if row["is_bot"]} == {"1"}
    assert report["events"]["bots"] == {"visitors": 1, "events": 2, "share": round(2 / 6, 6)}
    assert "bots" in warning_codes(report)


def test_moments_are_counted_without_bots_and_an_order_is_one(tmp_path: Path) -> None:
    order = [bought(9 * MINUTE, item=at + 1) for at in range(8)]
    buyer, once, bot = (
        [view(0), *order, view(2 * DAY)],
        view(0, 3),
        [view(at, 2) for at in range(5)],
    )
    write_events(tmp_path / "raw", *buyer, once, *bot)
    report = clean_up(tmp_path / "raw", tmp_path / "out", cleaning=RULE)
    not_flagged_yet = 3
    assert report["events"]["moments"] == (3 - 1) + (1 - 1) + (not_flagged_yet - 1)
