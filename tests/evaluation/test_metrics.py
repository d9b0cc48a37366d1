import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.evaluation.metrics import (
    ACCURACY,
    RankedGains,
    average_precision,
    cold_share,
    coverage,
    hit_rate,
    ndcg,
    novelty,
    rank_gains,
    recall,
    reciprocal_rank,
    self_information,
)
from endcap.evaluation.recommendations import from_lists
from endcap.evaluation.tasks import TASKS, WITHIN_HORIZON, relevant_items
from tests.evaluation import slow_reference
from tests.evaluation.slices_of_traffic import Moment, queries_of, random_lists, random_queries

# Query 0: 9 (bought, gain 3) at rank 1, 4 (viewed, gain 1) at rank 3, 6 (gain 2) not found.
# Query 1: nothing found.  Query 2: an item that was unknown at the cut (code 50 of 20).
QUERIES = queries_of(
    Moment(seen=[1], follows=[(4, 1), (6, 2), (9, 3)]),
    Moment(seen=[1], follows=[(5, 1)]),
    Moment(seen=[1], follows=[(50, 1)]),
)
LISTS = from_lists([[9, 2, 4, 8], [9, 2, 4, 8], [9, 2]], width=4)


@pytest.fixture
def gains() -> RankedGains:
    relevant = relevant_items(QUERIES, WITHIN_HORIZON)
    return rank_gains(LISTS, relevant, n_items=20, width=4)


def test_hit_rate_asks_whether_anything_was_found(gains: RankedGains) -> None:
    assert hit_rate(gains, 4).tolist() == [1, 0, 0]


def test_recall_is_the_share_of_the_relevant_items(gains: RankedGains) -> None:
    assert recall(gains, 4).tolist() == [2 / 3, 0, 0]
    assert recall(gains, 2).tolist() == [1 / 3, 0, 0]


def test_reciprocal_rank_looks_at_the_first_hit_only(gains: RankedGains) -> None:
    assert reciprocal_rank(gains, 4).tolist() == [1 / 1, 0, 0]
    later = RankedGains(np.array([[0, 0, 2.0]]), np.array([[2.0, 0, 0]]), np.array([1]))
    assert reciprocal_rank(later, 3).tolist() == [1 / 3]
    assert reciprocal_rank(later, 2).tolist() == [0]


def test_average_precision_averages_over_all_relevant_items(gains: RankedGains) -> None:
    assert average_precision(gains, 4).tolist() == pytest.approx([1 / 3 * (1 / 1 + 2 / 3), 0, 0])


def test_ndcg_discounts_gains_by_rank(gains: RankedGains) -> None:
    actual = 3 / math.log2(2) + 1 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(gains, 4).tolist() == pytest.approx([actual / ideal, 0, 0])


def test_ndcg_at_k_is_measured_against_the_best_k(gains: RankedGains) -> None:
    actual = 3 / math.log2(2)
    ideal = 3 / math.log2(2) + 2 / math.log2(3)
    assert ndcg(gains, 2)[0] == pytest.approx(actual / ideal)


def test_ndcg_is_zero_when_nothing_relevant_is_recommended(gains: RankedGains) -> None:
    assert ndcg(gains, 4)[1] == 0


def test_an_item_unknown_at_the_cut_is_a_miss_and_not_left_out(gains: RankedGains) -> None:
    for metric in ACCURACY.values():
        assert metric(gains, 4)[2] == 0


def test_an_unknown_item_is_a_miss_even_if_its_code_is_recommended() -> None:
    relevant = relevant_items(QUERIES, WITHIN_HORIZON)
    lists = from_lists([[50], [50], [50]], width=1)
    assert hit_rate(rank_gains(lists, relevant, n_items=20, width=1), 1).tolist() == [0, 0, 0]


def test_a_query_without_relevant_items_has_no_value() -> None:
    relevant = relevant_items(queries_of(Moment([1], [])), WITHIN_HORIZON)
    empty = rank_gains(from_lists([[1, 2]], width=2), relevant, n_items=20, width=2)
    for metric in ACCURACY.values():
        assert np.isnan(metric(empty, 2)).all()


def test_a_list_shorter_than_the_cutoff_misses_what_it_lacks() -> None:
    relevant = relevant_items(queries_of(Moment([1], [(7, 1)])), WITHIN_HORIZON)
    short = rank_gains(from_lists([[3]], width=1), relevant, n_items=20, width=20)
    assert hit_rate(short, 20).tolist() == [0]


def test_no_queries_give_no_values() -> None:
    relevant = relevant_items(queries_of(), WITHIN_HORIZON)
    nothing = rank_gains(from_lists([], width=5), relevant, n_items=20, width=5)
    for metric in ACCURACY.values():
        assert len(metric(nothing, 5)) == 0


def test_self_information_is_in_bits_with_add_one_smoothing() -> None:
    # shares (3 + 1) / 8, (1 + 1) / 8, (0 + 1) / 8, (0 + 1) / 8
    counts = np.array([3, 1, 0, 0])
    assert self_information(counts).tolist() == [-math.log2(4 / 8), 2, 3, 3]


def test_novelty_is_the_mean_over_what_is_shown_and_nothing_for_an_empty_list() -> None:
    information = np.array([1.0, 2.0, 3.0, 3.0])
    lists = from_lists([[0, 2, 3], [1], []], width=3)
    np.testing.assert_array_equal(novelty(lists, information, 2), [(1 + 3) / 2, 2 / 1, np.nan])
    assert np.isnan(novelty(lists, np.zeros(0), 2)).all()


def test_cold_share_counts_items_with_few_events_and_nothing_for_an_empty_list() -> None:
    counts = np.array([9, 5, 6, 0])
    lists = from_lists([[0, 1, 3], [2], []], width=3)
    np.testing.assert_array_equal(cold_share(lists, counts, 2, max_events=5), [1 / 2, 0, np.nan])
    assert cold_share(lists, counts, 3, max_events=5)[0] == 2 / 3


def test_coverage_counts_each_shown_item_once() -> None:
    lists = from_lists([[0, 1, 2], [1, 0, 3]], width=3)
    assert coverage(lists, 8, 2) == 2 / 8
    assert coverage(lists, 8, 3) == 4 / 8
    assert math.isnan(coverage(lists, 0, 3))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 12),
    n_items=st.integers(1, 15),
    k=st.integers(1, 9),
)
def test_all_metrics_agree_with_the_slow_reference(seed: int, n: int, n_items: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries = random_queries(rng, n=n, n_items=n_items)
    lists = random_lists(rng, n=n, n_items=n_items, width=9)
    for task in TASKS:
        shown = lists.without_seen(queries.histories) if task.new_only else lists
        wanted = relevant_items(queries, task, purchase_weight=3)
        found = rank_gains(shown, wanted, n_items=n_items, width=9)
        for query in range(n):
            seen = set(slow_reference.history(queries, query)) if task.new_only else set()
            expected = slow_reference.metrics(
                slow_reference.shown(lists.items[query].tolist(), without=seen),
                slow_reference.relevant(
                    queries,
                    query,
                    next_only=task.next_only,
                    new_only=task.new_only,
                    least=3 if task.bought_only else 0,
                ),
                k,
                n_items=n_items,
            )
            actual = {name: float(metric(found, k)[query]) for name, metric in ACCURACY.items()}
            assert actual == pytest.approx(expected, abs=1e-12, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 9))
def test_every_accuracy_metric_stays_between_zero_and_one(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries = random_queries(rng, n=10, n_items=12)
    lists = random_lists(rng, n=10, n_items=12, width=9)
    found = rank_gains(lists, relevant_items(queries, WITHIN_HORIZON), n_items=12, width=9)
    for metric in ACCURACY.values():
        values = metric(found, k)
        assert ((values >= 0) & (values <= 1)).all()


def test_the_ideal_order_scores_exactly_one() -> None:
    queries = queries_of(Moment([1], [(4, 1), (6, 2), (9, 3), (11, 3), (12, 1)]))
    perfect = from_lists([[9, 11, 6, 4, 12]], width=5)
    found = rank_gains(perfect, relevant_items(queries, WITHIN_HORIZON), n_items=20, width=5)
    assert ndcg(found, 5).tolist() == [1.0]
    assert average_precision(found, 5).tolist() == [1.0]
