from math import nan

import pytest

from tests.features.one_visitor import HOUR, NOW, features
from tests.features.small_items import item_table

ITEMS = item_table(
    price=[1.0] * 4,
    category=[-1] * 4,
    pair_transitions={(0, 1, 2): (0.5, 3), (0, 1, 3): (0.25, 2), (1, 0, 3): (0.125, 1)},
)


def test_the_pair_is_the_last_two_items_in_their_order() -> None:
    found = features([(NOW - 2, 0, 0), (NOW - 1, 1, 0), (NOW, 1, 0)], [2, 3, 0], ITEMS)
    assert found["pair_transition"] == [0.5, 0.25, 0]
    assert found["pair_transition_support"] == [3, 2, 0]
    turned = features([(NOW - 2, 1, 0), (NOW - 1, 0, 0)], [2, 3], ITEMS)
    assert turned["pair_transition"] == [0, 0.125]


def test_a_return_to_an_item_makes_it_the_last() -> None:
    found = features([(NOW - 3, 0, 0), (NOW - 2, 1, 0), (NOW - 1, 0, 0)], [3], ITEMS)
    assert found["pair_transition"] == [0.125]


def test_a_pair_that_was_never_seen_leads_nowhere() -> None:
    found = features([(NOW - 1, 2, 0), (NOW, 3, 0)], [0], ITEMS)
    assert (found["pair_transition"], found["pair_transition_support"]) == ([0], [0])


@pytest.mark.parametrize(
    "events",
    [[], [(NOW, 0, 0)], [(NOW - HOUR, 0, 0), (NOW, 1, 0)], [(NOW - 1, -1, 0), (NOW, 1, 0)]],
)
def test_without_two_items_in_the_session_there_is_no_pair(
    events: list[tuple[int, int, int]],
) -> None:
    found = features(events, [2], ITEMS)
    assert found["pair_transition"] == pytest.approx([nan], nan_ok=True)
