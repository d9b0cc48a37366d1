from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.features.canonical_shop import BUY, CART, DAY, START, Event, family_columns, write_shop

CUT = START + 40 * DAY
MINUTE = 60_000


def _columns(tmp_path: Path, events: list[Event]) -> dict[str, NDArray[np.float32]]:
    clean = write_shop(tmp_path / "clean", events)
    return family_columns("sessions", clean, tmp_path / "out", CUT)


def _session(user: int, items: str, start: int = START) -> list[Event]:
    return [Event(start + step * MINUTE, user, item) for step, item in enumerate(items)]


def test_shares_and_means_are_over_the_sessions_with_the_item(tmp_path: Path) -> None:
    events = [*_session(0, "abac"), Event(START + 4 * MINUTE, 0, "c", CART)]
    events += _session(1, "b", START + DAY) + _session(1, "ba", START + 2 * DAY)
    columns = _columns(tmp_path, events)
    # Sessions: a b a c c(cart), b, b a. Codes: a 0, b 1, c 2.
    assert columns["sessions"].tolist() == [2, 3, 1]
    assert columns["session_start_share"].tolist() == pytest.approx([1 / 2, 2 / 3, 0])
    assert columns["session_end_share"].tolist() == pytest.approx([1 / 2, 1 / 3, 1])
    assert columns["session_bounce_share"].tolist() == pytest.approx([0, 1 / 3, 0])
    assert columns["session_mean_position"].tolist() == pytest.approx(
        [(0 + 1) / 2, (1 + 0 + 0) / 3, 3]
    )
    assert columns["session_mean_events"].tolist() == pytest.approx(
        [(5 + 2) / 2, (5 + 1 + 2) / 3, 5]
    )
    assert columns["session_mean_seconds"].tolist() == pytest.approx(
        [(240 + 60) / 2, (240 + 0 + 60) / 3, 240]
    )
    assert columns["session_cart_share"].tolist() == pytest.approx([1 / 2, 1 / 3, 1])


def test_a_session_lasts_while_no_gap_is_longer_than_the_timeout(tmp_path: Path) -> None:
    events = [Event(START, 0, "a"), Event(START + 30 * MINUTE, 0, "b")]
    events += [Event(START + 60 * MINUTE + 1, 0, "c", CART)]
    columns = _columns(tmp_path, events)
    assert columns["session_mean_events"].tolist() == [2, 2, 1]
    assert columns["session_bounce_share"].tolist() == [0, 0, 1]
    assert columns["session_cart_share"].tolist() == [0, 0, 1]


def test_two_events_on_one_item_are_no_bounce(tmp_path: Path) -> None:
    columns = _columns(tmp_path, [*_session(0, "aa"), *_session(1, "a")])
    assert columns["sessions"].tolist() == [2]
    assert columns["session_bounce_share"].tolist() == [0.5]
    assert columns["session_start_share"].tolist() == columns["session_end_share"].tolist() == [1]


def test_events_of_one_moment_go_by_type(tmp_path: Path) -> None:
    events = [Event(START, 0, "a", BUY), Event(START, 0, "b", CART), Event(START, 0, "c")]
    columns = _columns(tmp_path, events)
    assert columns["session_mean_position"].tolist() == [2, 1, 0]


def test_an_item_that_only_bots_saw_is_in_no_session(tmp_path: Path) -> None:
    columns = _columns(tmp_path, [Event(START, 0, "a", bot=True)])
    assert columns["sessions"].tolist() == [0]
    assert np.isnan(columns["session_start_share"]).all()
    assert np.isnan(columns["session_mean_events"]).all()


def test_an_open_session_counts_as_far_as_it_is_known(tmp_path: Path) -> None:
    events = [Event(CUT - MINUTE, 0, "a"), Event(CUT, 0, "b")]
    columns = _columns(tmp_path, events)
    assert columns["session_bounce_share"].tolist() == [1]
