from math import nan

import pytest

from tests.features.one_visitor import HOUR, MINUTE, NOW, features
from tests.features.small_items import item_table

ITEMS = item_table(price=[1.0, 2.0, 3.0], category=[-1, -1, -1])
VIEW, CART, BUY = 0, 1, 2


def test_touches_are_told_by_session() -> None:
    events = [
        (NOW - 5 * HOUR, 0, VIEW),
        (NOW - 5 * HOUR + MINUTE, 0, VIEW),
        (NOW - 9 * MINUTE, 1, VIEW),
        (NOW - 8 * MINUTE, 0, VIEW),
    ]
    found = features(events, [0, 1, 2], ITEMS)
    assert found["seen_sessions"] == [2, 1, 0]
    assert found["session_touches"] == [1, 1, 0]


def test_touches_are_so_far_apart_on_average() -> None:
    found = features(
        [(0, 0, VIEW), (4000, 0, VIEW), (5000, 1, VIEW), (10_000, 0, CART)], [0, 1], ITEMS
    )
    assert found["seconds_between_touches"] == pytest.approx([10 / 2, nan], nan_ok=True)


@pytest.mark.parametrize(
    ("kinds", "in_cart"),
    [([VIEW], 0), ([CART], 1), ([CART, VIEW], 1), ([CART, BUY], 0), ([BUY, CART], 1), ([BUY], 0)],
)
def test_what_was_bought_is_no_longer_in_the_cart(kinds: list[int], in_cart: int) -> None:
    events = [(NOW - 1000 + at, 0, kind) for at, kind in enumerate(kinds)]
    assert features(events, [0, 1], ITEMS)["in_cart"] == [in_cart, 0]


def test_a_cart_of_a_closed_session_does_not_count() -> None:
    assert features([(NOW - HOUR, 0, CART)], [0], ITEMS)["in_cart"] == [0]
