import numpy as np
import pytest

from endcap.config_retrieval import CovisitationConfig, RetrievalConfig
from endcap.dataset.log import InteractionLog
from endcap.retrieval.covisitation import CovisitationSource, neighbour_weights
from tests.retrieval.shop import CUT_MS, DAY_MS, HOUR_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract

PLAIN = CovisitationConfig(
    max_gap_hours=1000.0,
    gap_half_life_hours=1e9,
    half_life_days=1e9,
    backward_weight=0.5,
    popularity_damping=0.0,
    recency_half_life_events=1.0,
)


class TestCovisitationContract(SourceContract):
    source = CovisitationSource


def weights(log: InteractionLog, **changes: float) -> dict[tuple[int, int], float]:
    row, item, weight = neighbour_weights(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=PLAIN.model_copy(update=changes),
    )
    pairs = zip(row.tolist(), item.tolist(), strict=True)
    return dict(zip(pairs, weight.tolist(), strict=True))


def test_pairs_are_weighted_by_step_type_and_direction() -> None:
    log = log_of([(0, 0), (1, 1), (2, 2)], n_items=3)
    assert weights(log) == pytest.approx(
        {
            (0, 1): 2 / 1,
            (1, 2): 3 / 1,
            (0, 2): 3 / 2,
            (1, 0): 0.5 * 1 / 1,
            (2, 1): 0.5 * 2 / 1,
            (2, 0): 0.5 * 1 / 2,
        },
        rel=1e-6,
    )


def test_pairs_of_two_visitors_add_up_and_visitors_do_not_mix() -> None:
    log = log_of([(0, 0), (1, 0)], [(0, 0), (1, 0)], [(2, 0)], n_items=3)
    assert weights(log, backward_weight=0.0) == pytest.approx({(0, 1): 2.0}, rel=1e-6)


def test_an_item_is_no_neighbour_of_itself() -> None:
    assert weights(log_of([(0, 0), (0, 0)], n_items=1)) == {}


def test_gap_and_age_halve_a_pair() -> None:
    first_ms = CUT_MS - 7 * DAY_MS - HOUR_MS
    log = log_of([(0, 0), (1, 0)], n_items=2, first_ms=first_ms)
    decayed = weights(log, gap_half_life_hours=1.0, half_life_days=7.0, backward_weight=0.0)
    assert decayed == pytest.approx({(0, 1): 1 / 2 / 2})


def test_events_too_far_apart_are_no_pair() -> None:
    log = log_of([(0, 0), (1, 0), (2, 0)], n_items=3)
    near = weights(log, max_gap_hours=1.0, backward_weight=0.0)
    assert sorted(near) == [(0, 1), (1, 2)]
    assert sorted(weights(log, max_steps=1, backward_weight=0.0)) == [(0, 1), (1, 2)]


def fitted(log: InteractionLog, **changes: float) -> CovisitationSource:
    return CovisitationSource.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(covisitation=PLAIN.model_copy(update=changes)),
        seed=0,
        threads=1,
    )


def test_only_the_best_neighbours_are_kept() -> None:
    log = log_of([(0, 0), (1, 0)], [(0, 0), (2, 0)], [(0, 0), (2, 0)], n_items=3)
    source = fitted(log, neighbours=1, backward_weight=0.0)
    assert source.ptr.tolist() == [0, 1, 1, 1]
    assert source.neighbour.tolist() == [2]
    assert source.similarity.tolist() == pytest.approx([2 / 3])


def test_damping_one_divides_by_the_neighbours_total() -> None:
    log = log_of([(0, 0), (1, 0)], [(0, 0), (2, 0)], [(3, 0), (2, 0)], n_items=4)
    source = fitted(log, popularity_damping=1.0, backward_weight=0.0)
    proposals = source.propose(histories_of([(0, 0)]), 5)
    assert proposals.item.tolist() == [1, 2]
    assert proposals.score.tolist() == pytest.approx([1 / (2 * 1), 1 / (2 * 2)])


def test_a_query_adds_the_newest_items_by_recency() -> None:
    log = log_of([(0, 0), (2, 0)], [(1, 0), (2, 0)], [(1, 0), (3, 0)], n_items=4)
    source = fitted(log, backward_weight=0.0)
    proposals = source.propose(histories_of([(0, 0), (1, 0)]), 5)
    assert proposals.item.tolist() == [2, 3]
    assert proposals.score.tolist() == pytest.approx([1 / 2 + 1 / 2 * 1, 1 / 2])


def test_a_batch_larger_than_one_chunk_equals_one_by_one() -> None:
    source = fitted(log_of([(0, 0), (1, 0)], n_items=2))
    many = source.propose(histories_of(*[[(0, 0)]] * 2500, [(1, 0)]), 5)
    assert len(many) == 2501
    assert np.bincount(many.item).tolist() == [1, 2500]
