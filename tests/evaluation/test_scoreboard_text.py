from dataclasses import replace

from endcap.evaluation.scoreboard_text import to_text
from tests.evaluation.boards import board_of


def test_every_system_has_a_row_in_every_table() -> None:
    text = to_text(board_of({"full_stack": 0.5, "recent_popular": 0.1}))
    assert "60 queries of 60 visitors" in text
    assert "new_items: all items until the horizon" in text
    for line in ("  full_stack", "  recent_popular", "+0.4000 [+0.", "one_event"):
        assert line in text


def test_columns_are_aligned() -> None:
    lines = to_text(board_of({"full_stack": 0.5, "recent_popular": 0.1})).splitlines()
    start = lines.index(next(line for line in lines if line.startswith("  system")))
    assert len({len(line) for line in lines[start : start + 3]}) == 1


def test_it_says_where_the_full_stack_does_not_win() -> None:
    text = to_text(board_of({"full_stack": 0.5, "recent_popular": 0.1, "oracle": 1.0}))
    assert "does not win" in text
    assert "next_interaction against oracle: behind in every metric" in text
    assert "against recent_popular" not in text


def test_it_says_so_when_the_full_stack_wins_everywhere() -> None:
    text = to_text(board_of({"full_stack": 0.9, "recent_popular": 0.1}))
    assert "ahead of every baseline on every task and metric" in text


def test_the_other_tasks_share_a_table_and_those_without_queries_are_left_out() -> None:
    board = board_of({"full_stack": 0.5, "recent_popular": 0.1})
    lines = [line.split() for line in to_text(board).splitlines()]
    assert ["system", "next_new_item", "within_horizon"] in lines
    assert ["full_stack", *["0.5000"] * 4] in lines
    bare = replace(board, tasks={name: board.tasks[name] for name in ("next_interaction",)})
    assert "within_horizon" not in to_text(bare)


def test_an_empty_slice_is_said_in_words() -> None:
    text = to_text(board_of({"full_stack": 0.5, "recent_popular": 0.1}, n=0))
    assert "Nothing to measure" in text


def test_lines_fit_a_terminal() -> None:
    text = to_text(board_of({"full_stack": 0.5, "recent_popular": 0.1, "item_knn": 0.2}))
    assert max(map(len, text.splitlines())) <= 110
