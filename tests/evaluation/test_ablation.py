"""Four visitors, two sources, and a ranker that looks at the sources' ranks alone."""

from dataclasses import replace

import numpy as np
import pytest

from endcap.config import EvaluationConfig, FeatureConfig
from endcap.evaluation.ablation import Stack, contributions, found_share
from endcap.features.registry import names
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.source import Proposals
from endcap.retrieval.union import unite
from tests.evaluation.slices_of_traffic import Moment, queries_of
from tests.features.small_items import item_table

CONFIG = EvaluationConfig(cutoffs=(1, 2), bootstrap_samples=100)
TARGETS = (3, 4, 5, 6)


def lists_of(lists: list[list[int]]) -> Proposals:
    items = [item for one in lists for item in one]
    ptr = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    score = np.ones(len(items), dtype=np.float32)
    return Proposals(ptr, np.array(items, dtype=np.int32), score)


def proposed_first_by(source: str) -> TreeScorer:
    """Return trees that put what `source` ranked first before all else, ties by item code."""
    column = names().index(f"{source}_rank")
    return TreeScorer(
        split_feature=np.array([column, column], dtype=np.int32),
        split_border=np.array([0.5, 1.5], dtype=np.float32),
        tree_splits=np.array([[0, 1]], dtype=np.int32),
        # Rank missing; 1; cannot be; 2 and more.
        leaf_values=np.array([[0.0, 1.0, 0.0, 0.0]]),
        scale=1.0,
        bias=0.0,
        n_features=len(names()),
    )


@pytest.fixture
def stack() -> Stack:
    """Co-visitation finds three of four next items, session-kNN two, one of them alone."""
    found = {
        "covisitation": lists_of([[3], [4], [5], [9]]),
        "session_knn": lists_of([[3, 1], [1], [0], [6, 1]]),
    }
    queries = queries_of(
        *(Moment(seen=[8], follows=[(item, 1.0)], user=u) for u, item in enumerate(TARGETS))
    )
    return Stack(
        queries=queries,
        candidates=unite(found, n_visitors=4),
        scorer=proposed_first_by("covisitation"),
        items=item_table(price=[1.0] * 10, category=[-1] * 10),
        config=FeatureConfig(),
        event_weights=np.ones(3, dtype=np.float32),
    )


def test_a_source_is_given_what_it_found_and_what_nobody_else_did(stack: Stack) -> None:
    found = contributions(stack, config=CONFIG, seed=1)

    assert list(found) == ["covisitation", "session_knn"]
    assert (found["covisitation"].found, found["covisitation"].found_alone) == (3 / 4, 2 / 4)
    assert (found["session_knn"].found, found["session_knn"].found_alone) == (2 / 4, 1 / 4)
    assert found_share(stack) == 4 / 4


def test_a_loss_is_the_full_stack_minus_itself_without_the_source(stack: Stack) -> None:
    found = contributions(stack, config=CONFIG, seed=1)

    # With all: 3 4 5 at rank 1, 6 behind 9 and 1. Without co-visitation nothing tells the rest
    # apart but their codes: 3 and 6 at rank 2, 4 and 5 are gone.
    losses = found["covisitation"].losses
    assert losses["hit_rate@2"].mean == pytest.approx(3 / 4 - 2 / 4)
    assert losses["mrr@2"].mean == pytest.approx((1 + 1 + 1) / 4 - (1 / 2 + 1 / 2) / 4)
    assert losses["mrr@2"].low <= losses["mrr@2"].mean <= losses["mrr@2"].high
    assert found["session_knn"].losses["hit_rate@2"].mean == 0


def test_it_does_not_matter_how_many_queries_are_scored_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = contributions(stack, config=CONFIG, seed=1)
    monkeypatch.setattr("endcap.evaluation.ablation.QUERIES_AT_ONCE", 3)
    assert contributions(stack, config=CONFIG, seed=1) == together


def test_without_queries_nothing_is_lost(stack: Stack) -> None:
    empty = replace(stack, queries=queries_of(), candidates=stack.candidates.slice(0, 0))
    assert contributions(empty, config=CONFIG, seed=1) == {}
    assert found_share(empty) == 0
