"""Four visitors, two sources, and a ranker that looks at the sources' ranks alone."""

from dataclasses import replace

import numpy as np
import pytest

from endcap.config import EvaluationConfig
from endcap.config_features import FeatureConfig
from endcap.dataset.queries import Queries
from endcap.evaluation.ablation import Ablated, contributions, proposing
from endcap.features.registry import names
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.source_ablation import WITH_ALL, Scoring, scores_without_sources
from endcap.ranking.table import label_candidates
from endcap.retrieval.source import Proposals
from endcap.retrieval.union import Candidates, unite
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
def ablated() -> Ablated:
    """Co-visitation finds three of four next items, session-kNN two, one of them alone."""
    found = {
        "covisitation": lists_of([[3], [4], [5], [9]]),
        "session_knn": lists_of([[3, 1], [1], [0], [6, 1]]),
    }
    queries = queries_of(
        *(Moment(seen=[8], follows=[(item, 1.0)], user=u) for u, item in enumerate(TARGETS))
    )
    return ablated_of(queries, unite(found, n_visitors=4))


def ablated_of(queries: Queries, candidates: Candidates) -> Ablated:
    scoring = Scoring(
        scorer=proposed_first_by("covisitation"),
        items=item_table(price=[1.0] * 10, category=[-1] * 10),
        config=FeatureConfig(),
        event_weights=np.ones(3, dtype=np.float32),
    )
    active = proposing(candidates)
    scores = scores_without_sources(scoring, queries.histories, candidates, active)
    return Ablated(
        queries=queries,
        candidates=candidates,
        is_next=label_candidates(queries, candidates).first,
        scores=scores.pop(WITH_ALL),
        without=scores,
        n_items=10,
    )


def test_a_source_is_given_what_it_found_and_what_nobody_else_did(ablated: Ablated) -> None:
    found = contributions(ablated, config=CONFIG, seed=1)

    assert list(found) == ["covisitation", "session_knn"]
    assert (found["covisitation"].found, found["covisitation"].found_alone) == (3 / 4, 2 / 4)
    assert (found["session_knn"].found, found["session_knn"].found_alone) == (2 / 4, 1 / 4)
    assert ablated.found == 4 / 4


def test_where_several_items_come_at_once_the_share_of_them_is_told() -> None:
    queries = queries_of(Moment(seen=[8], follows=[(3, 1.0), (4, 1.0), (5, 1.0), (6, 1.0)]))
    queries = replace(queries, label_first=np.ones(4, dtype=np.bool_))
    found = {"covisitation": lists_of([[3, 4, 9]]), "session_knn": lists_of([[4, 5]])}
    at_once = ablated_of(queries, unite(found, n_visitors=1))
    assert at_once.found == 3 / 4
    assert at_once.of_source("covisitation") == (2 / 4, 1 / 4)


def test_a_loss_is_the_full_stack_minus_itself_without_the_source(ablated: Ablated) -> None:
    found = contributions(ablated, config=CONFIG, seed=1)

    # With all: 3 4 5 at rank 1, 6 behind 9 and 1. Without co-visitation nothing tells the rest
    # apart but their codes: 3 and 6 at rank 2, 4 and 5 are gone.
    losses = found["covisitation"].losses
    assert losses["hit_rate@2"].mean == pytest.approx(3 / 4 - 2 / 4)
    assert losses["mrr@2"].mean == pytest.approx((1 + 1 + 1) / 4 - (1 / 2 + 1 / 2) / 4)
    assert losses["mrr@2"].low <= losses["mrr@2"].mean <= losses["mrr@2"].high
    assert found["session_knn"].losses["hit_rate@2"].mean == 0


def test_it_does_not_matter_how_many_queries_are_scored_at_once(
    ablated: Ablated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endcap.ranking.source_ablation.QUERIES_AT_ONCE", 3)
    again = ablated_of(ablated.queries, ablated.candidates)
    assert again.scores.tolist() == ablated.scores.tolist()
    assert again.without["covisitation"].tolist() == ablated.without["covisitation"].tolist()


def test_without_queries_nothing_is_found_and_nothing_lost(ablated: Ablated) -> None:
    empty = ablated_of(queries_of(), ablated.candidates.slice(0, 0))
    assert contributions(empty, config=CONFIG, seed=1) == {}
    assert empty.found == 0


def test_without_als_its_likeness_is_missing_for_what_others_proposed() -> None:
    candidates = unite({"covisitation": lists_of([[3, 4]]), "als": lists_of([[3]])}, n_visitors=1)
    candidates.likeness[:] = 0.9
    looks_at_likeness = TreeScorer(
        split_feature=np.array([names().index("als_cosine_mean")], dtype=np.int32),
        split_border=np.array([0.5], dtype=np.float32),
        tree_splits=np.array([[0]], dtype=np.int32),
        leaf_values=np.array([[0.0, 1.0]]),
        scale=1.0,
        bias=0.0,
        n_features=len(names()),
    )
    scoring = Scoring(
        scorer=looks_at_likeness,
        items=item_table(price=[1.0] * 10, category=[-1] * 10),
        config=FeatureConfig(),
        event_weights=np.ones(3, dtype=np.float32),
    )
    queries = queries_of(Moment(seen=[8], follows=[(3, 1.0)]))
    scores = scores_without_sources(scoring, queries.histories, candidates, ["als", "covisitation"])
    assert scores[WITH_ALL].tolist() == scores["covisitation"].tolist() == [1.0, 1.0]
    assert scores["als"].tolist() == [0.0, 0.0]
