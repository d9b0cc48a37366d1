import numpy as np
import pytest

from endcap.evaluation.recommendations import (
    Recommendations,
    from_lists,
    from_ragged,
    list_length,
)
from tests.evaluation.slices_of_traffic import Moment, queries_of


def test_a_list_with_a_repeated_item_is_refused() -> None:
    with pytest.raises(ValueError, match="same item twice"):
        Recommendations(np.array([[3, 4, 3]], dtype=np.int32))


def test_a_list_that_goes_on_after_its_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="after its padding"):
        Recommendations(np.array([[3, -1, 4]], dtype=np.int32))


@pytest.mark.parametrize(
    "items", [np.array([1, 2], dtype=np.int32), np.array([[1.0]]), np.array([[1]])]
)
def test_another_shape_or_type_is_refused(items: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int32 array of two dimensions"):
        Recommendations(items)


def test_a_code_below_the_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="below -1"):
        Recommendations(np.array([[-2]], dtype=np.int32))


def test_seen_items_are_taken_out_and_what_follows_moves_up() -> None:
    queries = queries_of(Moment([5, 7], [(1, 1)]), Moment([2], [(1, 1)]))
    lists = from_lists([[7, 1, 5, 2], [7, 2]], width=4)
    assert lists.without_seen(queries.histories).items.tolist() == [
        [1, 2, -1, -1],
        [7, -1, -1, -1],
    ]


def test_an_unknown_item_in_a_history_takes_nothing_out() -> None:
    queries = queries_of(Moment([-1], [(1, 1)]))
    lists = from_lists([[0, 1]], width=3)
    assert lists.without_seen(queries.histories).items.tolist() == [[0, 1, -1]]


def test_ragged_lists_are_cut_and_padded() -> None:
    ptr = np.array([0, 3, 3, 4])
    item = np.array([4, 5, 6, 7], dtype=np.int32)
    assert from_ragged(ptr, item, width=2).items.tolist() == [[4, 5], [-1, -1], [7, -1]]


def test_no_queries_at_all() -> None:
    lists = from_ragged(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32), width=3)
    assert len(lists) == 0
    assert lists.width == 3
    assert lists.without_seen(queries_of().histories).items.shape == (0, 3)


def test_codes_of_another_catalogue_keep_their_order_and_unknown_ones_go() -> None:
    lists = from_lists([[2, 0, 1], [1]], width=3)
    code_of = np.array([10, -1, 12], dtype=np.int32)
    assert lists.recoded(code_of).items.tolist() == [[12, 10, -1], [-1, -1, -1]]


def test_list_length_leaves_the_cutoff_after_the_seen_items_are_gone() -> None:
    # histories hold 2 and 1 distinct known items: 20 + 2
    queries = queries_of(Moment([5, 7, 5, -1], [(1, 1)]), Moment([2], [(1, 1)]))
    assert list_length(queries.histories, (10, 20)) == 20 + 2
    assert list_length(queries_of().histories, (10,)) == 10


def test_top_and_take() -> None:
    lists = from_lists([[2, 0, 1], [1]], width=3)
    assert lists.top(2).items.tolist() == [[2, 0], [1, -1]]
    assert lists.take(np.array([1])).items.tolist() == [[1, -1, -1]]
