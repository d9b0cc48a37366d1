import numpy as np
import pytest

from endcap.features.context_rows import USER_FEATURES, Rows, look_up, look_up_of
from tests.features.small_items import item_table

ITEMS = item_table(price=[1.0, 2.0, 3.0], category=[0, 0, -1], parent=[-1])


def _rows() -> Rows:
    out = np.zeros((4, USER_FEATURES), dtype=np.float32)
    return Rows.of(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1]), out, ITEMS)


def test_rows_of_a_visitor_and_category_are_one_pair() -> None:
    rows = _rows()
    assert rows.pair_visitor.tolist() == [0, 0, 1]
    assert rows.pair_category.tolist() == [-1, 0, 0]
    assert rows.pair.tolist() == [1, 1, 0, 2]


def test_one_visitors_pairs_are_those_of_a_batch() -> None:
    item = np.array([2, 1, 0])
    out = np.zeros((3, USER_FEATURES), dtype=np.float32)
    rows = Rows.of(np.zeros(3, dtype=np.int64), item, out, ITEMS)
    assert rows.pair_visitor.tolist() == [0, 0]
    assert rows.pair_category.tolist() == [-1, 0]
    assert rows.pair.tolist() == [0, 1, 1]


def test_columns_in_another_order_than_the_registry_are_refused() -> None:
    rows = _rows()
    with pytest.raises(ValueError, match="another order: seen_carts, seen_views"):
        rows.write({"seen_carts": np.zeros(4), "seen_views": np.zeros(4)})


def test_only_keys_that_are_there_are_found() -> None:
    hit, place = look_up(np.array([2, 5, 9]), np.array([9, 1, 5, 10, -1]))
    assert (hit.tolist(), place.tolist()) == ([0, 2], [2, 1])
    assert [len(part) for part in look_up(np.zeros(0, np.int64), np.array([1]))] == [0, 0]


def test_a_single_owners_keys_are_found_where_they_lie() -> None:
    ptr, keys, wanted = np.array([0, 2, 5]), np.array([1, 3, 10, 12, 14]), np.array([12, 11, 14])
    for owners in (np.array([1]), np.array([1, 0])):
        hit, place = look_up_of(owners, ptr, keys, wanted)
        assert (hit.tolist(), place.tolist()) == ([0, 2], [3, 4])
    assert [len(part) for part in look_up_of(np.array([-1]), ptr, keys, wanted)] == [0, 0]
