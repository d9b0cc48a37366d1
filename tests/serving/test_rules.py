from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.dataset.histories import Histories
from endcap.errors import UserInputError
from endcap.serving.boosting import boosted
from endcap.serving.filters import ItemFilter
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.rules import within_cap
from endcap.serving.slates import Slate, SlateRequest
from tests.serving.small_shop import HOUR_MS, N_ITEMS, fitted_model, histories_of

PURCHASE = 2


@pytest.fixture(scope="module")
def model() -> ServingModel:
    shop = fitted_model()
    available = shop.items.available.copy()
    available[::5], available[1::5] = 0, np.nan
    return replace(shop, items=replace(shop.items, available=available))


def one(model: ServingModel, visit: list[int], request: SlateRequest) -> Slate:
    (slate,) = recommend(model, histories_of([visit]), request)
    return slate


prices = st.one_of(st.none(), st.floats(0, 100))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(-1, N_ITEMS - 1), max_size=20),
    st.integers(1, 70),
    st.booleans(),
    st.frozensets(st.integers(0, 5), max_size=3),
    prices,
    prices,
)
def test_exactly_k_items_that_no_filter_forbids(
    model: ServingModel,
    visit: list[int],
    k: int,
    in_stock: bool,
    categories: frozenset[int],
    lowest: float | None,
    highest: float | None,
) -> None:
    filters = ItemFilter(in_stock, categories, lowest, highest)
    codes = one(model, visit, SlateRequest(k=k, filters=filters)).item_codes()
    items = model.items
    below = {0: {0, 2, 4}, 1: {1, 3, 5}}  # the shop's two trees
    inside = set().union(*(below.get(code, {code}) for code in categories))
    allowed = {
        code
        for code in range(N_ITEMS)
        if code not in visit
        and not (in_stock and items.available[code] == 0)
        and (not categories or items.category[code] in inside)
        and (lowest is None or items.price[code] >= np.float32(lowest))
        and (highest is None or items.price[code] <= np.float32(highest))
    }
    assert len(codes) == len(set(codes)) == min(k, len(allowed))
    assert set(codes) <= allowed


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-1, N_ITEMS - 1), max_size=12),
    st.integers(1, 40),
    st.integers(1, 12),
)
def test_a_slate_has_at_most_so_many_of_a_category_and_is_as_long_as_that_allows(
    model: ServingModel, visit: list[int], k: int, most: int
) -> None:
    request = SlateRequest(k=k, include_seen=True, max_per_category=most)
    slate = one(model, visit, request)
    held = np.bincount(model.items.category[slate.item_codes()], minlength=6)
    assert held.max() <= most
    assert len(slate) == min(k, 6 * most)  # ten items in each of six categories
    scores = [item.score for item in slate.items]
    assert scores == sorted(scores, reverse=True)


def test_the_cap_keeps_the_first_of_each_visitors_category_and_all_without_one() -> None:
    visitor = np.array([0, 0, 0, 0, 0, 1])
    category = np.array([2, 2, -1, 2, -1, 2], dtype=np.int32)
    kept = within_cap(visitor, category, 1)
    assert kept.tolist() == [True, False, True, False, True, True]


def test_unknown_stock_counts_as_in_stock_and_an_unknown_price_as_in_no_range(
    model: ServingModel,
) -> None:
    items = np.array([0, 1, 2, 7], dtype=np.int32)
    assert ItemFilter(in_stock=True).allows(items, model.items).tolist() == [
        False,
        True,
        True,
        True,
    ]
    cheap = ItemFilter(lowest_price=0.0).allows(items, model.items)
    assert cheap.tolist() == [False, True, True, False]


def bought(hours_ago: int) -> Histories:
    """Return one visitor who bought item 9 so long ago and viewed item 10 an hour ago."""
    now = 800 * HOUR_MS
    return Histories(
        ptr=np.array([0, 2]),
        item=np.array([9, 10], dtype=np.int32),
        event_type=np.array([PURCHASE, 0], dtype=np.int8),
        time_ms=np.array([now - hours_ago * HOUR_MS, now - HOUR_MS]),
        now_ms=np.array([now]),
    )


@pytest.mark.parametrize(("hours_ago", "comes_back"), [(24, False), (25, True)])
def test_what_was_bought_within_the_window_stays_away(
    model: ServingModel, hours_ago: int, comes_back: bool
) -> None:
    request = SlateRequest(k=N_ITEMS, include_seen=True, bought_window_ms=24 * HOUR_MS)
    (slate,) = recommend(model, bought(hours_ago), request)
    assert (9 in slate.item_codes()) is comes_back
    assert 10 in slate.item_codes()


def test_what_was_seen_before_the_window_may_come_back(model: ServingModel) -> None:
    request = SlateRequest(k=N_ITEMS, seen_window_ms=2 * HOUR_MS)
    (slate,) = recommend(model, bought(24), request)
    assert 9 in slate.item_codes()
    assert 10 not in slate.item_codes()


def test_a_boost_is_in_standard_deviations_of_the_visitors_own_scores() -> None:
    scores = np.array([1.0, 3.0, 10.0, 30.0])  # standard deviations 1 and 10
    item = np.array([4, 5, 4, 5], dtype=np.int32)
    moved = boosted(scores, item, np.array([0, 0, 1, 1]), ((4, 2.0), (5, -0.5)))
    assert moved.tolist() == [1 + 2 * 1, 3 - 0.5 * 1, 10 + 2 * 10, 30 - 0.5 * 10]


def test_a_boosted_item_rises_and_its_probability_stays(model: ServingModel) -> None:
    plain = one(model, [3, 4], SlateRequest(k=10, include_seen=True))
    last = plain.items[-1]
    request = SlateRequest(k=10, include_seen=True, boosts=((last.item_code, 9.0),))
    first = one(model, [3, 4], request).items[0]
    assert first.item_code == last.item_code
    assert first.score > last.score
    assert first.probability == last.probability


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(UserInputError, match="at least 1 item a category"):
        SlateRequest(max_per_category=0)
