from collections import Counter

import pytest

from endcap.simulator.malformed import (
    EVENT_MUTILATIONS,
    PROPERTY_MUTILATIONS,
    mutilate,
    plan_broken_rows,
)
from endcap.simulator.randomness import stream
from tests.simulator import reading
from tests.simulator.conftest import Written


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        ("bad timestamp", "yesterday,3,view,5,\n"),
        ("unknown event", "7,3,swipe,5,\n"),
        ("missing item", "7,3,view,,\n"),
        ("missing column", "7,3,view\n"),
        ("extra column", "7,3,view,5,,left over\n"),
    ],
)
def test_one_thing_is_broken_in_a_row(kind: str, broken: str) -> None:
    assert mutilate(["7,3,view,5,\n"], [kind], EVENT_MUTILATIONS) == [broken]


def test_all_kinds_are_equally_often() -> None:
    broken = plan_broken_rows(11_000, 0.01, EVENT_MUTILATIONS, stream(0, "broken"))
    assert set(Counter(broken.kinds).values()) == {10}
    assert len(EVENT_MUTILATIONS) == 11


def test_no_rows_no_broken_rows() -> None:
    assert plan_broken_rows(0, 0.5, EVENT_MUTILATIONS, stream(0, "broken")).kinds == []


def test_the_truth_names_each_broken_row(tiny: Written, clean_tiny: Written) -> None:
    listed = reading.rows(tiny.folder / "truth" / "malformed.csv")
    for name, mutilations in (
        ("events.csv", EVENT_MUTILATIONS),
        ("item_properties_part1.csv", PROPERTY_MUTILATIONS),
        ("item_properties_part2.csv", PROPERTY_MUTILATIONS),
    ):
        lines = (tiny.folder / name).read_text().splitlines(keepends=True)[1:]
        here = {int(number) - 1: kind for file, number, kind in listed if file == name}
        assert here
        for at, kind in here.items():
            following = next(line for later, line in enumerate(lines[at:], at) if later not in here)
            assert mutilate([following], [kind], mutilations) == [lines[at]]
        whole = [line for at, line in enumerate(lines) if at not in here]
        assert whole == (clean_tiny.folder / name).read_text().splitlines(keepends=True)[1:]


def test_a_part_of_the_plan_is_counted_from_its_start() -> None:
    broken = plan_broken_rows(1_000, 0.1, EVENT_MUTILATIONS, stream(0, "broken"))
    parts = [broken.within(start, start + 250) for start in range(0, 1_000, 250)]
    assert [kind for part in parts for kind in part.kinds] == broken.kinds
    assert all(0 <= place < 250 for part in parts for place in part.before)
