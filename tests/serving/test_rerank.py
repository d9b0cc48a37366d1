import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.features.registry import names
from endcap.serving.explain import explain
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.rerank import rerank
from endcap.serving.slates import SlateRequest
from tests.serving.small_shop import N_ITEMS, fitted_model, histories_of

VISITS = st.lists(st.integers(-1, N_ITEMS - 1), max_size=8)


@pytest.fixture(scope="module")
def model() -> ServingModel:
    return fitted_model()


@settings(max_examples=40, deadline=None)
@given(VISITS, st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=30))
def test_every_given_item_once_best_first(
    model: ServingModel, visit: list[int], items: list[int]
) -> None:
    slate = rerank(model, histories_of([visit]), items, SlateRequest())
    assert sorted(slate.item_codes()) == sorted(set(items))
    scores = [item.score for item in slate.items]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("visit", [[], [3, 4, 9], [-1]])
def test_a_recommended_list_comes_back_as_it_was(model: ServingModel, visit: list[int]) -> None:
    history = histories_of([visit])
    # As many as were retrieved: items that only fill a place are lowered to fit below.
    (slate,) = recommend(model, history, SlateRequest(k=10, include_seen=True))
    again = rerank(model, history, slate.item_codes()[::-1], SlateRequest())
    assert again == slate


def test_a_boost_lifts_and_leaves_the_probability(model: ServingModel) -> None:
    history = histories_of([[3, 4, 9]])
    plain = rerank(model, history, list(range(20)), SlateRequest())
    last = plain.items[-1]
    lifted = rerank(model, history, list(range(20)), SlateRequest(boosts=((last.item_code, 9.0),)))
    assert lifted.items[0].item_code == last.item_code
    assert lifted.items[0].probability == last.probability


def test_an_item_that_nothing_speaks_for_says_so(model: ServingModel) -> None:
    slate = rerank(model, histories_of([[]]), list(range(N_ITEMS)), SlateRequest())
    assert {item.source for item in slate.items} <= {"popularity", "cold", "trending", "catalogue"}


def test_an_explanation_names_every_feature_and_what_it_does(model: ServingModel) -> None:
    history = histories_of([[3, 4, 9]])
    (slate,) = recommend(model, history, SlateRequest(k=5))
    explained = explain(model, history, slate.item_codes())
    assert [set(one.features) for one in explained] == [set(names())] * 5
    used = {names()[column] for column in model.scorer.split_feature}
    for one in explained:
        assert set(one.contributions) <= used
        sizes = [abs(value) for value in one.contributions.values()]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 not in sizes


def test_a_contribution_is_the_fall_of_the_score(model: ServingModel) -> None:
    history = histories_of([[3, 4, 9]])
    (slate,) = recommend(model, history, SlateRequest(k=1))
    (one,) = explain(model, history, slate.item_codes())
    row = np.asarray(
        [np.nan if value is None else value for value in one.features.values()], dtype=np.float32
    )
    score = model.scorer.predict(row[np.newaxis])[0]
    assert score == slate.items[0].score
    name, fall = next(iter(one.contributions.items()))
    row[names().index(name)] = np.nan
    assert score - model.scorer.predict(row[np.newaxis])[0] == pytest.approx(fall, abs=1e-12)
