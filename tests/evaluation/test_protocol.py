import dataclasses

import numpy as np
import pytest

from endcap.config import EvaluationConfig
from endcap.dataset.queries import Queries
from endcap.evaluation.protocol import Evaluation, evaluate, fingerprint
from endcap.evaluation.recommendations import Recommendations, from_lists
from tests.evaluation.slices_of_traffic import FOLD, Moment, queries_of

CONFIG = EvaluationConfig(cutoffs=(1, 2))
COUNTS = np.array([6, 0, 0, 0, 0, 0, 0, 0, 0, 0])  # ten items known; item 0 is all the traffic
QUERIES = queries_of(
    Moment(seen=[3, 4], follows=[(4, 1), (9, 3)], user=1),
    Moment(seen=[3], follows=[(5, 2)], user=2),
    Moment(seen=[8], follows=[(77, 1)], user=2),  # an item nobody could know
)
LISTS = from_lists([[4, 9, 3], [3, 5], [8, 0]], width=4)


def measure(queries: Queries = QUERIES, **systems: Recommendations) -> Evaluation:
    return evaluate(
        systems or {"full_stack": LISTS},
        queries,
        fold=FOLD,
        item_counts=COUNTS,
        config=CONFIG,
        session_timeout_minutes=30,
    )


def values(evaluation: Evaluation, task: str, metric: str) -> list[float]:
    return [float(value) for value in evaluation.values[task]["full_stack"][metric]]


def test_repeats_are_allowed_where_the_next_interaction_is_asked_for() -> None:
    assert values(measure(), "next_interaction", "hit_rate@1") == [1, 0, 0]
    assert values(measure(), "next_interaction", "mrr@2") == [1 / 1, 1 / 2, 0]


def test_for_new_items_the_seen_ones_make_room() -> None:
    # lists become [9], [5], [0]; of query 0 only 9 is new
    assert values(measure(), "new_items", "hit_rate@1") == [1, 1, 0]


def test_an_unknown_target_counts_as_a_miss_and_is_told() -> None:
    assert measure().unknown_target_share == 1 / 3
    assert values(measure(), "next_interaction", "ndcg@2")[2] == 0


def test_a_query_outside_a_task_has_no_value_in_it() -> None:
    found = values(measure(), "next_new_item", "hit_rate@2")
    assert np.isnan(found).tolist() == [True, False, False]
    assert measure().members["next_new_item"].tolist() == [False, True, True]


def test_novelty_and_coverage_look_at_what_is_shown_for_the_task() -> None:
    evaluation = measure()
    # share of items 4 and 9: (0 + 1) / (6 + 10); of item 0: 7 / 16
    expected = [-np.log2(1 / 16), -np.log2(1 / 16), -np.log2(1 / 16)]
    assert values(evaluation, "next_interaction", "novelty@1") == pytest.approx(expected)
    assert values(evaluation, "new_items", "novelty@1")[2] == pytest.approx(-np.log2(7 / 16))
    covered = evaluation.coverage["next_interaction"]["full_stack"]
    assert covered["all"] == {"coverage@1": 3 / 10, "coverage@2": 6 / 10}  # 4 3 8; 9 5 0
    assert covered["short"] == {"coverage@1": 1 / 10, "coverage@2": 2 / 10}


def test_a_system_with_a_wrong_number_of_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="als: 1 lists for 3 queries"):
        measure(als=from_lists([[1]], width=1))


def test_a_system_that_knows_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match="als: recommends an item that is unknown at the cut"):
        measure(als=from_lists([[10], [1], [1]], width=1))


def test_an_empty_slice_is_measured_without_complaint() -> None:
    evaluation = measure(queries_of(), full_stack=from_lists([], width=2))
    assert len(evaluation) == 0
    assert np.isnan(evaluation.unknown_target_share)


def test_the_fingerprint_tells_slices_apart() -> None:
    assert fingerprint(QUERIES) == fingerprint(QUERIES)
    moved = dataclasses.replace(QUERIES, time_ms=QUERIES.time_ms + 1)
    assert fingerprint(moved) != fingerprint(QUERIES)
