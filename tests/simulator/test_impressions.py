from collections import defaultdict

from endcap.simulator.scales import TINY
from tests.simulator import reading
from tests.simulator.conftest import Written


def slates(written: Written) -> dict[str, list[list[str]]]:
    grouped = defaultdict(list)
    for row in reading.rows(written.folder / "impressions.csv"):
        grouped[row[0]].append(row)
    return grouped


def test_there_are_as_many_slates_as_asked_for(clean_tiny: Written) -> None:
    assert len(slates(clean_tiny)) == TINY.impressions


def test_positions_count_from_one_and_no_item_repeats(clean_tiny: Written) -> None:
    for rows in slates(clean_tiny).values():
        assert [int(row[4]) for row in rows] == list(range(1, len(rows) + 1))
        shown = [row[5] for row in rows]
        assert len(set(shown)) == len(shown)
        assert rows[0][3] not in shown


def test_a_click_is_the_visitors_next_view(clean_tiny: Written) -> None:
    views = defaultdict(list)
    for event in reading.events(clean_tiny.folder):
        if event.kind == "view":
            views[event.visitor].append((event.time_ms, event.item))
    clicks = 0
    for rows in slates(clean_tiny).values():
        for _slate, time, visitor, _context, _position, item, clicked in rows:
            if clicked == "1":
                clicks += 1
                assert next(seen for at, seen in views[visitor] if at > int(time)) == item
    assert clicks > 0
