from endcap.evaluation.slices import SLICES, slice_masks
from tests.evaluation.slices_of_traffic import Moment, queries_of


def members(*moments: Moment) -> dict[str, list[bool]]:
    histories = queries_of(*moments).histories
    return {
        name: mask.tolist()
        for name, mask in slice_masks(histories, session_timeout_minutes=30).items()
    }


def test_histories_are_sliced_by_length() -> None:
    found = members(*(Moment([1] * length, [(2, 1)]) for length in (0, 1, 2, 4, 5)))
    assert found["all"] == [True] * 5
    assert found["no_event"] == [True, False, False, False, False]
    assert found["one_event"] == [False, True, False, False, False]
    assert found["short"] == [False, False, True, True, False]
    assert found["warm"] == [False, False, False, False, True]


def test_a_visitor_returns_when_a_gap_is_longer_than_the_session_timeout() -> None:
    found = members(
        Moment([], []),
        Moment([1, 2], [], seen_minutes_ago=[30, 0]),
        Moment([1, 2], [], seen_minutes_ago=[31, 0]),
        Moment([1], [], seen_minutes_ago=[31]),  # the gap lies before this very moment
    )
    assert found["returning"] == [False, False, True, True]
    assert found["first_session"] == [True, True, False, False]


def test_every_slice_that_is_named_is_there_even_without_queries() -> None:
    assert members() == {name: [] for name, _ in SLICES}
