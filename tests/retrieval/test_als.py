import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.retrieval.als import AlsSource, fit_item_factors
from tests.retrieval.shop import (
    CONFIG,
    CUT_MS,
    WEIGHTS,
    Event,
    histories_of,
    log_of,
    random_histories,
    random_log,
)
from tests.retrieval.source_contract import ScoringContract

PLAIN = RetrievalConfig(
    als=CONFIG.als.model_copy(update={"recency_half_life_events": 1e12, "query_events": 1000})
)


class TestAlsContract(ScoringContract):
    source = AlsSource


def implicit_model(seed: int = 1) -> AlternatingLeastSquares:
    settings = CONFIG.als
    with threadpool_limits(1, "blas"):
        return AlternatingLeastSquares(
            factors=settings.factors,
            iterations=settings.iterations,
            regularization=settings.regularization,
            alpha=settings.alpha,
            num_threads=1,
            random_state=seed,
        )


def fit(config: RetrievalConfig = CONFIG, seed: int = 1) -> AlsSource:
    return AlsSource.fit(
        random_log(0),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=config,
        seed=seed,
        threads=1,
    )


def test_item_factors_are_those_of_implicit_called_by_hand() -> None:
    log = random_log(0)
    model = implicit_model()
    table = csr_matrix(
        (WEIGHTS[log.event_type], (log.user, log.item)), shape=(log.n_users, log.n_items)
    )
    with threadpool_limits(1, "blas"):
        model.fit(table, show_progress=False)
    seen = np.unique(log.item)
    every_visitor = CONFIG.als.model_copy(update={"min_user_events": 1})
    source = fit(CONFIG.model_copy(update={"als": every_visitor}))
    assert source.item_factors[seen].tobytes() == model.item_factors[seen].tobytes()


def test_visitors_of_one_event_are_not_learned_from() -> None:
    pairs = [[(0, 0), (1, 0)], [(1, 0), (2, 2)]]
    of_one: list[list[Event]] = [[(3, 0)], [(1, 2)]]

    def learnt(visits: list[list[Event]]) -> NDArray[np.float32]:
        return fit_item_factors(
            log_of(*visits, n_items=4),
            event_weights=WEIGHTS,
            config=CONFIG.als,
            seed=1,
            threads=1,
        )

    factors = learnt([pairs[0], *of_one, pairs[1]])
    assert factors.tobytes() == learnt(pairs).tobytes()
    assert factors.any(axis=1).tolist() == [True, True, True, False]


def test_an_event_that_weighs_nothing_does_not_count() -> None:
    factors = fit_item_factors(
        log_of([(0, 0), (1, 0)], [(2, 0), (0, 1)], n_items=3),
        event_weights=np.array([1.0, 0.0, 1.0], dtype=np.float32),
        config=CONFIG.als,
        seed=1,
        threads=1,
    )
    assert factors.any(axis=1).tolist() == [True, True, False]


def test_where_nobody_did_two_things_als_proposes_nothing() -> None:
    source = AlsSource.fit(
        log_of([(0, 0)], [(1, 0)], n_items=2),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=CONFIG,
        seed=1,
        threads=1,
    )
    asked = histories_of([(0, 0), (1, 0)])
    assert len(source.propose(asked, 5).item) == 0
    assert np.isnan(source.score_items(asked, np.zeros(1, np.int64), np.zeros(1, np.int32))).all()


def test_plain_fold_in_equals_implicits_recalculate_user() -> None:
    source = fit(PLAIN)
    asked = random_histories(2, n=50, n_items=source.n_items)
    known = (asked.item >= 0) & (asked.item < source.n_items)
    table = csr_matrix(
        (WEIGHTS[asked.event_type[known]], (asked.rows()[known], asked.item[known])),
        shape=(len(asked), source.n_items),
    )
    model = implicit_model()
    model.item_factors = np.array(source.item_factors)
    with threadpool_limits(1, "blas"):
        expected = model.recalculate_user(np.arange(len(asked)), table)
    np.testing.assert_allclose(source.visitor_factors(asked), expected, rtol=2e-4, atol=2e-5)


def test_a_newer_event_moves_the_visitor_more() -> None:
    source = fit()
    one, other = (source.visitor_factors(histories_of([(i, 0)]))[0] for i in (3, 40))
    mixed = source.visitor_factors(histories_of([(3, 0), (40, 0)]))[0]
    assert mixed @ other / np.linalg.norm(other) > mixed @ one / np.linalg.norm(one)


def test_proposals_are_the_largest_products_in_full_precision() -> None:
    source = fit()
    asked = random_histories(3, n=40, n_items=source.n_items)
    visitor = source.visitor_factors(asked).astype(np.float64)
    exact = (visitor @ source.item_factors.astype(np.float64).T).astype(np.float32)
    proposals = source.propose(asked, 10)
    for row in range(len(asked)):
        low, high = proposals.ptr[row], proposals.ptr[row + 1]
        best = np.lexsort((np.arange(source.n_items), -exact[row]))[:10]
        expected = [int(i) for i in best if exact[row, i] > 0]
        assert proposals.item[low:high].tolist() == expected


def test_an_item_without_events_is_never_proposed() -> None:
    source = fit()
    asked = random_histories(4, n=100, n_items=source.n_items)
    assert not source.item_factors[7].any()
    assert 7 not in source.propose(asked, 1000).item


def test_a_visitor_without_known_items_gets_nothing() -> None:
    proposals = fit().propose(histories_of([], [(-1, 0)]), 10)
    assert proposals.ptr.tolist() == [0, 0, 0]


def test_another_seed_gives_other_factors() -> None:
    assert fit(seed=1).item_factors.tobytes() != fit(seed=2).item_factors.tobytes()


@pytest.mark.parametrize("factors", [1, 80])
def test_more_factors_than_items_and_a_single_factor_work(factors: int) -> None:
    settings = AlsConfig(factors=factors, iterations=2, alpha=10.0)
    learnt = fit_item_factors(
        random_log(0), event_weights=WEIGHTS, config=settings, seed=1, threads=1
    )
    assert learnt.shape == (60, factors)
    config = RetrievalConfig(als=settings)
    assert len(fit(config).propose(histories_of([(3, 0)]), 5).item) == 5


def test_only_the_items_with_the_most_events_are_proposed_but_all_speak_for_a_visitor() -> None:
    few = CONFIG.model_copy(update={"als": CONFIG.als.model_copy(update={"max_items": 10})})
    asked = random_histories(4, n=100, n_items=60)
    whole, limited = fit(), fit(few)
    np.testing.assert_allclose(
        limited.visitor_factors(asked), whole.visitor_factors(asked), rtol=1e-4, atol=1e-6
    )
    events = np.bincount(random_log(0).item, minlength=60)
    most = set(np.argsort(-events, kind="stable")[:10].tolist())
    proposed = limited.propose(asked, 60)
    assert set(proposed.item.tolist()) == most


def test_every_item_is_scored_for_who_has_factors_and_none_for_who_has_not() -> None:
    source = fit()
    asked = histories_of([(3, 0), (4, 2)], [])
    every = np.arange(source.n_items, dtype=np.int32)
    scores = source.score_items(asked, np.repeat([0, 1], len(every)), np.tile(every, 2))
    of_one, of_nobody = np.split(scores, 2)
    vector = source.visitor_factors(asked)[0]
    factors = source.item_factors[np.argsort(source.code)]
    np.testing.assert_allclose(of_one, factors @ vector, rtol=1e-5, atol=1e-7)
    assert of_one[7] == 0  # nobody touched it
    assert np.isnan(of_nobody).all()


def test_items_are_held_to_those_of_the_newest_known_events() -> None:
    source = fit()
    # The oldest of eleven known events is past the ten that are looked at; -1 is unknown.
    asked = histories_of([(40, 0), *[(3, 0)] * 9, (12, 0), (-1, 0)], [(-1, 0)])
    found = source.likeness(asked, np.array([0, 4, 5]), np.array([3, 7, 12, 40, 3], np.int32))
    newest, second, nearest, _ = found[:4].T
    assert [newest[2], second[0], nearest[0]] == pytest.approx([1, 1, 1], abs=1e-3)
    assert newest[0] == pytest.approx(second[2], abs=1e-3)
    assert (found[1] == 0).all()  # without events, so without factors
    assert nearest[3] == max(newest[3], second[3]) < 1
    assert np.isnan(found[4]).all()
