import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.retrieval.als import AlsSource
from endcap.serving.filters import ItemFilter
from endcap.serving.model import ServingModel
from endcap.serving.similar import similar_items
from tests.serving.small_shop import N_ITEMS, fitted_model


@pytest.fixture(scope="module")
def model() -> ServingModel:
    return fitted_model()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, N_ITEMS - 1),
    st.integers(1, N_ITEMS + 5),
    st.frozensets(st.integers(0, 5), max_size=2),
    st.frozensets(st.integers(0, N_ITEMS - 1), max_size=9),
)
def test_k_distinct_items_that_nothing_forbids_best_first(
    model: ServingModel, item: int, k: int, categories: frozenset[int], exclude: frozenset[int]
) -> None:
    filters = ItemFilter(categories=categories)
    similar = similar_items(model, item, k=k, filters=filters, exclude=exclude)

    every = np.arange(N_ITEMS, dtype=np.int32)
    allowed = set(every[filters.allows(every, model.items)].tolist()) - exclude - {item}
    codes = [one.item_code for one in similar]
    assert len(codes) == min(k, len(allowed))
    assert len(set(codes)) == len(codes)
    assert set(codes) <= allowed
    scores = [one.score for one in similar]
    assert scores == sorted(scores, reverse=True)


def test_the_three_sources_all_speak(model: ServingModel) -> None:
    named = {one.source for one in similar_items(model, 7, k=30)}
    assert named >= {"als", "covisitation", "category"}


def test_neighbours_come_before_strangers(model: ServingModel) -> None:
    # The shop's visitors walk to items at most three places away.
    asked = range(10, 50)
    near = [
        abs(one.item_code - item) <= 6 for item in asked for one in similar_items(model, item, k=5)
    ]
    assert sum(near) >= 0.8 * 5 * len(asked)


def test_cosine_is_that_of_the_factors(model: ServingModel) -> None:
    als = model.sources["als"]
    assert isinstance(als, AlsSource)
    code, cosine = als.similar(7)
    factors = np.empty_like(als.item_factors)
    factors[als.code] = als.item_factors
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    np.testing.assert_allclose(cosine, (unit @ unit[7])[code], rtol=1e-5, atol=1e-6)
    assert 7 not in code
    assert (cosine > 0).all()
