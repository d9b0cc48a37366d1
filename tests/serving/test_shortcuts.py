from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.serving.shortcuts import Shortcuts
from tests.features.small_items import item_table

# Items 0 and 2 in category 0, item 1 in category 1, both below root 0; item 3 in none.
ITEMS = item_table(price=[1.0, 2.0, 3.0, 4.0], category=[0, 1, 0, -1], parent=[-1, 0])
WEIGHTS = np.array([1.0, 2.0, 3.0], dtype=np.float32)


def shortcuts() -> Shortcuts:
    return Shortcuts.of(ITEMS, np.array([2, 1], dtype=np.int32), WEIGHTS)


def test_popular_items_come_first_and_the_rest_by_code() -> None:
    found = shortcuts()
    assert found.fill_order.tolist() == [2, 1, 0, 3]
    assert found.fill_place.tolist() == [2, 1, 0, 3]
    assert [found.by_category.items_of(c).tolist() for c in (0, 1)] == [[2, 0], [1]]


def test_a_catalogue_that_nobody_touched_is_in_the_order_of_its_codes() -> None:
    found = Shortcuts.of(ITEMS, np.zeros(0, dtype=np.int32), WEIGHTS)
    assert found.fill_order.tolist() == [0, 1, 2, 3]


def test_what_was_saved_is_read_back_to_the_bit(tmp_path: Path) -> None:
    found = shortcuts()
    found.save(tmp_path)
    again = Shortcuts.load(tmp_path)
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = [
        (found.fill_order, again.fill_order),
        (found.fill_place, again.fill_place),
        (found.by_category.ptr, again.by_category.ptr),
        (found.by_category.item, again.by_category.item),
        (found.by_root.ptr, again.by_root.ptr),
        (found.by_root.item, again.by_root.item),
        *((found.boards[days].item, again.boards[days].item) for days in found.boards),
        *((found.boards[days].demand, again.boards[days].demand) for days in found.boards),
    ]
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype
        assert ours.tolist() == theirs.tolist()
