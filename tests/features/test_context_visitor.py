from tests.features.one_visitor import NOW, features
from tests.features.small_items import item_table

ITEMS = item_table(price=[1.0] * 3, category=[0, 0, 1], parent=[-1, -1])


def test_the_visitor_is_counted() -> None:
    events = [(NOW - 5, 0, 0), (NOW - 4, 0, 1), (NOW - 3, 1, 2), (NOW - 2, -1, 0), (NOW - 1, 2, 0)]
    found = {name: values[0] for name, values in features(events, [0], ITEMS).items()}
    assert found["history_length"] == 5
    assert found["history_items"] == 3
    assert found["history_categories"] == 2
    assert (found["history_carts"], found["history_purchases"]) == (1, 1)


def test_who_returns_to_items_has_a_repeat_share() -> None:
    events = [(NOW, 0, 0), (NOW, 1, 0), (NOW, 0, 0), (NOW, 0, 0), (NOW, -1, 0)]
    assert features(events, [0], ITEMS)["repeat_share"] == [1 - 2 / 4]
