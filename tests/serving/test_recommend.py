from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.retrieval.union import SOURCES, propose_candidates
from endcap.serving import recommend as module
from endcap.serving.ladder import CATEGORY, RUNGS
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.slates import CATALOGUE, Slate, SlateRequest
from tests.serving.small_shop import N_ITEMS, all_histories, fitted_model, histories_of

an_item = st.integers(-1, N_ITEMS - 1)
visits = st.lists(an_item, max_size=45)


@pytest.fixture(scope="module")
def model() -> ServingModel:
    return fitted_model()


def one(model: ServingModel, visit: list[int], request: SlateRequest) -> Slate:
    (slate,) = recommend(model, histories_of([visit]), request)
    return slate


@settings(max_examples=60, deadline=None)
@given(
    visits,
    st.integers(1, 70),
    st.booleans(),
    st.frozensets(st.integers(0, N_ITEMS + 5), max_size=N_ITEMS),
)
def test_a_slate_has_k_distinct_allowed_items_as_long_as_there_are_so_many(
    model: ServingModel, visit: list[int], k: int, include_seen: bool, exclude: frozenset[int]
) -> None:
    slate = one(model, visit, SlateRequest(k=k, include_seen=include_seen, exclude=exclude))
    allowed = set(range(N_ITEMS)) - exclude - (set() if include_seen else set(visit))
    codes = slate.item_codes()
    assert len(codes) == min(k, len(allowed))
    assert len(set(codes)) == len(codes)
    assert set(codes) <= allowed


@settings(max_examples=30, deadline=None)
@given(visits, st.floats(0.05, 0.995))
def test_an_item_is_described_consistently(
    model: ServingModel, visit: list[int], confidence: float
) -> None:
    slate = one(model, visit, SlateRequest(k=50, include_seen=True, confidence=confidence))
    scores = [item.score for item in slate.items]
    chances = [item.probability for item in slate.items]
    assert scores == sorted(scores, reverse=True)
    assert chances == sorted(chances, reverse=True)
    for item in slate.items:
        point = float(model.calibration.expected_of(np.array([item.score]))[0])
        assert 0 <= item.lower <= point <= item.upper <= 1
        assert point <= item.probability + 1e-12
        assert item.source in {*SOURCES, *RUNGS}


@settings(max_examples=15, deadline=None)
@given(st.lists(visits, min_size=1, max_size=6), st.booleans(), st.integers(1, 40))
def test_a_visitor_gets_the_same_bits_alone_and_in_a_batch(
    model: ServingModel, many: list[list[int]], include_seen: bool, k: int
) -> None:
    request = SlateRequest(k=k, include_seen=include_seen)
    together = recommend(model, histories_of(many), request)
    assert together == [one(model, visit, request) for visit in many]


def test_batches_that_span_several_chunks_are_served_like_one(
    model: ServingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SlateRequest(k=10)
    whole = recommend(model, all_histories(), request)
    monkeypatch.setattr(module, "VISITORS_AT_ONCE", 7)
    assert recommend(model, all_histories(), request) == whole
    assert len(whole) == len(all_histories())


def test_nobody_gets_nothing(model: ServingModel) -> None:
    assert recommend(model, histories_of([]), SlateRequest()) == []


@pytest.mark.parametrize("visit", [[], [-1], [-1, -1, -1]])
def test_an_empty_or_unknown_history_is_served_from_what_is_popular(
    model: ServingModel, visit: list[int]
) -> None:
    slate = one(model, visit, SlateRequest(k=10))
    assert len(slate) == 10
    assert {item.source for item in slate.items} <= {"popularity", "trending"}
    nobody = histories_of([[]])
    known = [model.sources[name].propose(nobody, 10).item for name in ("popularity", "trending")]
    assert set(slate.item_codes()) <= set(np.concatenate(known).tolist())


def test_the_source_is_the_one_that_ranked_the_item_best(model: ServingModel) -> None:
    history = histories_of([[3, 4, 5]])
    candidates = propose_candidates(model.sources, history, model.config.retrieval)
    slate = one(model, [3, 4, 5], SlateRequest(k=8, include_seen=True))
    for item in slate.items:
        (row,) = np.flatnonzero(candidates.item == item.item_code)
        ranks = dict(zip(SOURCES, candidates.ranks[row].tolist(), strict=True))
        assert ranks[item.source] == np.nanmin(candidates.ranks[row])


def test_fill_comes_after_what_was_retrieved_in_the_order_of_popularity(
    model: ServingModel,
) -> None:
    retrieved = propose_candidates(
        model.sources, histories_of([[]]), model.config.retrieval
    ).item.tolist()
    slate = one(model, [], SlateRequest(k=N_ITEMS))
    assert set(slate.item_codes()[: len(retrieved)]) == set(retrieved)
    filled = set(slate.item_codes()[len(retrieved) : len(retrieved) + 5])
    assert len(slate) == N_ITEMS
    assert filled <= set(range(N_ITEMS)) - set(retrieved)


def test_without_any_source_the_visitors_category_fills_the_slate(model: ServingModel) -> None:
    bare = replace(model, sources={})
    slate = one(bare, [2], SlateRequest(k=5))
    assert sorted(slate.item_codes()) == [8, 14, 20, 26, 32]
    assert {item.source for item in slate.items} == {CATEGORY}


def test_without_any_source_or_demand_the_catalogue_fills_the_slate(model: ServingModel) -> None:
    unwanted = replace(model.items, features=np.zeros_like(model.items.features))
    bare = replace(model, sources={}, items=unwanted)
    slate = one(bare, [], SlateRequest(k=5))
    assert sorted(slate.item_codes()) == [0, 1, 2, 3, 4]
    assert {item.source for item in slate.items} == {CATALOGUE}


def test_all_events_count_as_seen_but_only_the_newest_are_ranked_by(model: ServingModel) -> None:
    limit = model.config.retrieval.max_history
    long = [*range(20, 40), *([7] * limit)]
    slate = one(model, long, SlateRequest(k=N_ITEMS))
    assert set(slate.item_codes()) == set(range(N_ITEMS)) - set(long)
    seen = SlateRequest(k=9, include_seen=True)
    assert one(model, long, seen) == one(model, [7] * limit, seen)
