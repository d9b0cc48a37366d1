from math import nan

import pytest

from tests.features.one_visitor import DAY, MINUTE, NOW, Events, features
from tests.features.small_items import item_table

ITEMS = item_table(price=[1.0] * 4, category=[0, 0, 1, -1], parent=[-1, -1])


def _session(events: Events, now: int = NOW) -> dict[str, float]:
    return {name: values[0] for name, values in features(events, [0], ITEMS, now=now).items()}


def test_the_open_session_so_far() -> None:
    found = _session(
        [
            (NOW - 2 * DAY, 2, 1),
            (NOW - 40 * MINUTE, 0, 0),
            (NOW - 30 * MINUTE, 0, 1),
            (NOW - 20 * MINUTE, 1, 0),
            (NOW - 15 * MINUTE, -1, 0),
            (NOW - 10 * MINUTE, 3, 2),
        ]
    )
    assert found["history_sessions"] == 2
    assert found["session_events"] == 5
    assert found["session_seconds"] == 40 * 60
    assert found["session_duration_seconds"] == 30 * 60
    assert found["session_depth"] == 3
    assert found["session_items"] == 3
    assert found["session_categories"] == 1
    assert found["session_bounce"] == 0
    assert (found["session_carts"], found["session_purchases"]) == (1, 1)
    assert found["seconds_away"] == 2 * 86_400 - 40 * 60


def test_one_event_is_a_bounce_so_far() -> None:
    found = _session([(NOW - MINUTE, 0, 0)])
    assert (found["session_bounce"], found["session_depth"]) == (1, 0)
    assert found["seconds_away"] == pytest.approx(nan, nan_ok=True)


def test_a_gap_of_just_the_timeout_keeps_the_session_open() -> None:
    events = [(NOW - 60 * MINUTE, 0, 0), (NOW - 30 * MINUTE, 1, 0)]
    assert _session(events)["session_events"] == 2
    assert _session([(at - 1, item, kind) for at, item, kind in events])["session_events"] == 0


def test_after_the_timeout_no_session_is_open() -> None:
    found = _session([(NOW - 31 * MINUTE, 0, 1)])
    counted = ("events", "seconds", "duration_seconds", "depth", "items", "categories", "carts")
    assert [found[f"session_{name}"] for name in counted] == [0] * len(counted)
    assert found["session_bounce"] == pytest.approx(nan, nan_ok=True)
    assert (found["history_sessions"], found["seconds_away"]) == (1, 31 * 60)
