import json

import pytest

from endcap.errors import DatasetError
from endcap.evaluation.scoreboard import Scoreboard
from tests.evaluation.boards import board_of

SHARES = {"full_stack": 0.5, "recent_popular": 0.1, "als": 0.5, "oracle": 1.0}


def test_means_are_those_of_the_systems() -> None:
    board = board_of(SHARES)
    assert board.systems == tuple(SHARES)
    assert board.estimate("full_stack", "hit_rate@10").mean == 0.5
    assert board.estimate("recent_popular", "ndcg@20").mean == pytest.approx(0.1)
    assert board.estimate("recent_popular", "coverage@10").mean == pytest.approx(8 / 30)


def test_differences_are_the_full_stack_minus_the_baseline() -> None:
    board = board_of(SHARES)
    assert board.difference("recent_popular", "mrr@10").mean == pytest.approx(0.5 - 0.1)
    assert board.difference("recent_popular", "mrr@10").low > 0
    assert board.difference("oracle", "mrr@10").high < 0
    assert "full_stack" not in board.scores("next_interaction").differences


def test_not_won_names_level_and_behind_and_leaves_out_descriptions() -> None:
    lost = {(metric, baseline) for _, metric, baseline, _ in board_of(SHARES).not_won()}
    assert ("ndcg@20", "als") in lost
    assert ("ndcg@20", "oracle") in lost
    assert ("ndcg@20", "recent_popular") not in lost
    assert not any(metric.startswith(("novelty", "coverage")) for metric, _ in lost)


def test_slices_hold_their_own_queries() -> None:
    board = board_of(SHARES)
    # histories of 1, 2, 3, 4, 5, 6 events in turn
    sizes = {name: s.n_queries for name, s in board.tasks["next_interaction"].items()}
    assert sizes == {
        "all": 60,
        "no_event": 0,
        "one_event": 10,
        "short": 30,
        "warm": 20,
        "first_session": 60,
        "returning": 0,
    }
    empty = board.scores("next_interaction", "returning")
    assert not empty.systems["full_stack"]["ndcg@20"].is_measured


def test_json_is_equal_to_the_last_digit_and_comes_back_whole() -> None:
    text = board_of(SHARES).to_json()
    assert board_of(SHARES).to_json() == text
    assert Scoreboard.from_json(text).to_json() == text
    assert text.endswith("}\n")


def test_json_is_standard_with_null_where_nothing_was_measured() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for board in (board_of(SHARES), board_of(SHARES, n=0)):
        json.loads(board.to_json(), parse_constant=refuse)


def test_another_seed_moves_the_intervals_only() -> None:
    first, second = board_of(SHARES, seed=1), board_of(SHARES, seed=2)
    one, other = (b.estimate("full_stack", "ndcg@10") for b in (first, second))
    assert one.mean == other.mean
    assert (one.low, one.high) != (other.low, other.high)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tasks": {"new_items": {"all": {}}}}'])
def test_a_text_that_is_no_scoreboard_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="not a scoreboard"):
        Scoreboard.from_json(text)


def test_headline_is_plain_numbers_for_a_manifest() -> None:
    headline = board_of(SHARES).headline()
    assert headline["next_interaction/hit_rate@10"] == 0.5
    assert board_of(SHARES, n=0).headline()["next_interaction/hit_rate@10"] is None


def test_one_system_alone_has_no_differences() -> None:
    assert board_of({"full_stack": 0.5}).scores("new_items").differences == {}
    assert board_of({"recent_popular": 0.5}).not_won() == []
