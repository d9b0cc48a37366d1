from math import nan

import pytest

from endcap.features.user_entries import BACK_OFF
from tests.features.one_visitor import NOW, features
from tests.features.small_items import item_table

# 0 ─ 1 ─ 2      4 ─ 5
#     └── 3
PARENT = [-1, 0, 1, 1, -1, 4]
ITEMS = item_table(
    price=[1.0] * 7,
    category=[0, 1, 2, 3, 4, 5, -1],
    parent=PARENT,
    category_transitions={(2, 3): (0.25, 4), (2, 2): (0.5, 8)},
)
ALL = [0, 1, 2, 3, 4, 5, 6]


def _near(values: list[float]) -> object:
    return pytest.approx(values, nan_ok=True)


def test_distance_counts_the_edges_between_two_categories() -> None:
    found = features([(NOW, 2, 0)], ALL, ITEMS)
    # The roots 0 and 4 are two edges apart: up to the common top, and down.
    assert found["category_distance_last"] == _near([2, 1, 0, 2, 4, 5, nan])
    assert found["category_distance_nearest"] == _near([2, 1, 0, 2, 4, 5, nan])


def test_the_nearest_of_several_categories_counts() -> None:
    found = features([(NOW - 1, 5, 0), (NOW, 1, 0)], ALL, ITEMS)
    assert found["category_distance_nearest"] == _near([1, 0, 1, 1, 1, 0, nan])
    assert found["category_distance_last"] == _near([1, 0, 1, 1, 3, 4, nan])


def test_back_off_goes_up_to_the_nearest_touched_ancestor() -> None:
    found = features([(NOW, 2, 0), (NOW, 5, 1)], ALL, ITEMS)
    assert found["category_back_off_steps"] == _near([0, 0, 0, 1, 0, 0, nan])
    # A view weighs 1, a cart event 2: a third of the affinity lies below 0, and below 1 and 2.
    first, second = 1 / 3, 2 / 3
    assert found["category_back_off_affinity"] == _near(
        [first, first, first, first * BACK_OFF, second, second, nan]
    )
    assert found["affinity_root"] == _near([1, 1, 1, 1, 2, 2, nan])


def test_a_tree_that_was_never_touched_backs_off_to_nothing() -> None:
    found = features([(NOW, 2, 0)], [5], ITEMS)
    assert found["category_back_off_affinity"] == [0]
    assert found["category_back_off_steps"] == _near([nan])
    assert found["affinity_root"] == [0]


def test_a_visitor_of_one_category_is_drawn_to_its_tree_by_all_their_events() -> None:
    found = features([(NOW, 2, 0), (NOW, -1, 0), (NOW, 2, 1)], ALL, ITEMS)
    assert found["affinity_root"] == _near([3, 3, 3, 3, 0, 0, nan])
    assert found["category_share"] == _near([0, 0, 1, 0, 0, 0, nan])
    assert found["category_back_off_affinity"] == _near([1, 1, 1, BACK_OFF, 0, 0, nan])
    assert found["category_back_off_steps"] == _near([0, 0, 0, 1, nan, nan, nan])
    assert found["category_distance_last"] == _near([2, 1, 0, 2, 4, 5, nan])


def test_category_transitions_come_from_the_last_known_item() -> None:
    found = features([(NOW - 1, 2, 0), (NOW, -1, 0)], [2, 3, 4, 6], ITEMS)
    assert found["category_transition"] == _near([0.5, 0.25, 0, nan])
    assert found["category_transition_support"] == _near([8, 4, 0, nan])


def test_a_history_without_categories_tells_nothing() -> None:
    for events in ([], [(NOW, 6, 0)], [(NOW, -1, 0)]):
        found = features(events, [2, 6], ITEMS)
        for name in ("category_share", "category_back_off_affinity", "category_back_off_steps"):
            assert found[name] == _near([nan, nan])
        for name in ("category_distance_nearest", "category_distance_last", "category_transition"):
            assert found[name] == _near([nan, nan])


def test_a_shop_without_categories_has_no_distances() -> None:
    bare = item_table(price=[1.0, 2.0], category=[-1, -1])
    found = features([(NOW, 0, 0)], [0, 1], bare)
    assert found["category_distance_nearest"] == _near([nan, nan])
    assert found["affinity_root"] == _near([nan, nan])
