from itertools import pairwise

from endcap.evaluation.tasks import (
    NEW_ITEMS,
    NEW_PURCHASES,
    NEXT_INTERACTION,
    NEXT_NEW_ITEM,
    PURCHASES,
    WITHIN_HORIZON,
    Task,
    relevant_items,
)
from tests.evaluation.slices_of_traffic import Moment, queries_of

QUERIES = queries_of(
    Moment(seen=[3, 4], follows=[(4, 1), (9, 3)]),  # comes back to 4, then buys 9
    Moment(seen=[3], follows=[(5, 2)]),
    Moment(seen=[8], follows=[(8, 1)]),  # nothing new at all
)


def pairs(task: Task) -> list[list[tuple[int, float]]]:
    found = relevant_items(QUERIES, task, purchase_weight=3)
    items, gains, ptr = found.item.tolist(), found.gain.tolist(), found.ptr.tolist()
    return [list(zip(items[a:b], gains[a:b], strict=True)) for a, b in pairwise(ptr)]


def test_next_interaction_is_the_very_next_item_repeated_or_not() -> None:
    assert pairs(NEXT_INTERACTION) == [[(4, 1.0)], [(5, 1.0)], [(8, 1.0)]]


def test_within_the_horizon_every_item_counts_by_its_strongest_event() -> None:
    assert pairs(WITHIN_HORIZON) == [[(4, 1.0), (9, 3.0)], [(5, 2.0)], [(8, 1.0)]]


def test_new_items_leave_out_what_the_visitor_has_seen() -> None:
    assert pairs(NEW_ITEMS) == [[(9, 3.0)], [(5, 2.0)], []]


def test_next_new_item_leaves_out_moments_whose_next_item_is_a_repeat() -> None:
    assert pairs(NEXT_NEW_ITEM) == [[], [(5, 1.0)], []]


def test_purchases_are_what_weighs_as_much_as_one_seen_before_or_not() -> None:
    assert pairs(PURCHASES) == [[(9, 3.0)], [], []]
    queries = queries_of(Moment(seen=[9], follows=[(4, 3), (9, 3), (2, 2)]))
    bought, new = (
        relevant_items(queries, task, purchase_weight=3) for task in (PURCHASES, NEW_PURCHASES)
    )
    assert (bought.item.tolist(), new.item.tolist()) == ([4, 9], [4])


def test_nothing_is_bought_where_nobody_said_what_a_purchase_weighs() -> None:
    assert relevant_items(QUERIES, PURCHASES).counts().tolist() == [0, 0, 0]


def test_an_item_of_weight_zero_is_not_relevant_within_the_horizon() -> None:
    queries = queries_of(Moment(seen=[1], follows=[(2, 0)]))
    assert relevant_items(queries, WITHIN_HORIZON).counts().tolist() == [0]
    assert relevant_items(queries, NEXT_INTERACTION).counts().tolist() == [1]


def test_no_queries_have_no_relevant_items() -> None:
    assert len(relevant_items(queries_of(), NEW_ITEMS)) == 0
