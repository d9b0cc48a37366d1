from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.config import CleaningConfig
from endcap.dataset import properties
from tests.dataset.raw_shop import (
    START,
    clean_up,
    intervals,
    view,
    warning_codes,
    write_events,
    write_properties,
)

WEEK = 604_800_000


def spans(out: Path) -> list[tuple[str, str, str, int, int | None]]:
    """(item, property, value, from, to); times in weeks since the start."""
    return [
        (
            row["item_id"],
            row["property"],
            row["value"],
            round((row["valid_from"].timestamp() * 1000 - START) / WEEK),
            None
            if row["valid_to"] is None
            else round((row["valid_to"].timestamp() * 1000 - START) / WEEK),
        )
        for row in intervals(out)
    ]


def snapshot(week: int, value: str, item: int = 10, name: str = "790") -> str:
    return f"{START + week * WEEK},{item},{name},{value}"


def test_snapshots_become_half_open_intervals_and_equal_neighbours_merge(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    write_properties(
        tmp_path / "raw",
        snapshot(3, "b"),
        snapshot(0, "a"),
        snapshot(1, "a"),
        snapshot(4, "a"),
        snapshot(2, "c", item=9),
    )
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    assert spans(tmp_path / "out") == [
        ("9", "790", "c", 2, None),
        ("10", "790", "a", 0, 3),
        ("10", "790", "b", 3, 4),
        ("10", "790", "a", 4, None),
    ]
    facts = report["item_properties"]
    assert (facts["rows"], facts["intervals"], facts["merged"]) == (5, 4, 1)


def test_of_values_of_one_moment_the_last_read_counts(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    write_properties(
        tmp_path / "raw", snapshot(0, "a"), snapshot(1, "b"), snapshot(1, "a"), snapshot(2, "b")
    )
    report = clean_up(tmp_path / "raw", tmp_path / "out")
    assert spans(tmp_path / "out") == [("10", "790", "a", 0, 2), ("10", "790", "b", 2, None)]
    assert "conflicting_values" in warning_codes(report)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("n552.000", 552.0),
        ("n-1.500", -1.5),
        ("n7", 7.0),
        ("n1000000000.000", 1e9),
        ("n1000000000.001", None),
        ("n1" + "0" * 24 + ".000", None),
        ("n552.000 n8.000", None),
        ("1016", None),
        ("nan", None),
        ("n", None),
        ("", None),
        ("n5.000 883902", None),
    ],
)
def test_only_a_single_number_token_within_the_limit_is_a_number(
    tmp_path: Path, value: str, number: float | None
) -> None:
    write_events(tmp_path / "raw", view(0))
    write_properties(tmp_path / "raw", snapshot(0, value))
    clean_up(tmp_path / "raw", tmp_path / "out")
    (row,) = intervals(tmp_path / "out")
    assert (row["value"], row["number"]) == (value, number)


def test_damaged_numbers_are_counted(tmp_path: Path) -> None:
    write_events(tmp_path / "raw", view(0))
    write_properties(tmp_path / "raw", snapshot(0, "n11.000"), snapshot(1, "n9.000"))
    report = clean_up(
        tmp_path / "raw",
        tmp_path / "out",
        cleaning=CleaningConfig(max_property_number=10, max_quarantine_share=1),
    )
    assert report["item_properties"]["numbers_too_large"] == 1
    assert "numbers_too_large" in warning_codes(report)


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from([1, 2])), max_size=14
)


@settings(max_examples=10, deadline=None)
@given(rows=ROWS)
def test_intervals_tell_at_each_week_what_the_last_snapshot_said(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("intervals")
    write_events(folder / "raw", view(0))
    write_properties(folder / "raw", *[snapshot(week, v, item=i) for week, v, i in rows])
    clean_up(folder / "raw", folder / "out")
    found = spans(folder / "out")
    for week in range(7):
        for item in (1, 2):
            past = [(w, n, v) for n, (w, v, i) in enumerate(rows) if i == item and w <= week]
            said = [max(past)[2]] if past else []
            holds = [
                value
                for i, _, value, start, stop in found
                if i == str(item) and start <= week and (stop is None or week < stop)
            ]
            assert holds == said


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 5])
def test_intervals_are_the_same_however_many_are_sorted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    write_events(tmp_path / "raw", view(0))
    rows = [
        snapshot(week, str((week * item) % 3), item=item, name=name)
        for week in (2, 0, 1)
        for item in (11, 10)
        for name in ("888", "790", "available", "888")
    ]
    write_properties(tmp_path / "raw", *rows)
    everything = CleaningConfig(max_quarantine_share=1, other_properties=("*",))
    at_once = clean_up(tmp_path / "raw", tmp_path / "once", cleaning=everything)
    monkeypatch.setattr(properties, "_ROWS_PER_GROUP", rows_at_once)
    in_parts = clean_up(tmp_path / "raw", tmp_path / "parts", cleaning=everything)
    assert intervals(tmp_path / "parts") == intervals(tmp_path / "once")
    assert in_parts == at_once
