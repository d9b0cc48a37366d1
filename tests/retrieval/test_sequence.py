from dataclasses import replace

import numpy as np
import pytest

from endcap.config_retrieval import SequenceConfig
from endcap.retrieval import near_items
from endcap.retrieval.sequence import SequenceSource
from endcap.retrieval.sequence_loss import Parameters, shares_of
from endcap.retrieval.sequence_training import Moments
from tests.retrieval.shop import (
    CONFIG,
    CUT_MS,
    WEIGHTS,
    histories_of,
    log_of,
    random_histories,
    random_log,
)
from tests.retrieval.source_contract import ScoringContract

SMALL = SequenceConfig(factors=8, epochs=2)


class TestSequenceContract(ScoringContract):
    source = SequenceSource


def fit(**changes: int) -> SequenceSource:
    config = CONFIG.model_copy(update={"sequence": SMALL.model_copy(update=changes)})
    return SequenceSource.fit(
        random_log(0), cut_ms=CUT_MS, event_weights=WEIGHTS, config=config, seed=1, threads=1
    )


def scores_of_all(source: SequenceSource, history: list[tuple[int, int]]) -> np.ndarray:
    every = np.arange(source.n_items, dtype=np.int32)
    return source.score_items(histories_of(history), np.zeros(len(every), np.int64), every)


def test_vectors_have_length_one() -> None:
    lengths = np.linalg.norm(fit().vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)


def test_a_visitor_of_one_item_points_where_it_does() -> None:
    source = fit()
    cosine = scores_of_all(source, [(3, 0), (3, 0)])
    own = source.vectors[source.code.tolist().index(3)].astype(np.float64)
    expected = source.vectors.astype(np.float64) @ own / np.linalg.norm(own)
    np.testing.assert_allclose(cosine[source.code], expected, atol=1e-6)


def test_weights_are_those_of_type_age_and_item() -> None:
    source = fit()
    row = {int(item): place for place, item in enumerate(source.code)}
    w = [
        3.0 * np.exp(source.age_bias[1] + source.item_bias[row[4]]),
        1.0 * np.exp(source.age_bias[0] + source.item_bias[row[5]]),
    ]
    total = w[0] * source.vectors[row[4]].astype(float) + w[1] * source.vectors[row[5]].astype(
        float
    )
    found = source.visitor_vectors(histories_of([(4, 2), (5, 0)]))[0]
    np.testing.assert_allclose(found, total / np.linalg.norm(total), atol=1e-6)


def test_items_with_the_most_events_are_proposed_and_twice_as_many_scored() -> None:
    source = fit(max_items=10)
    assert (source.n_proposed, len(source.code)) == (10, 20)
    events = np.bincount(random_log(0).item, minlength=source.n_items)
    assert events[source.code[:10]].min() >= events[source.code[10:]].max()
    item = int(source.code[15])
    assert set(source.propose(histories_of([(item, 0)]), 100).item.tolist()) <= set(
        source.code[:10].tolist()
    )
    scored = ~np.isnan(scores_of_all(source, [(item, 0)]))
    assert sorted(np.flatnonzero(scored).tolist()) == sorted(source.code.tolist())


def test_nobody_is_scored_without_a_known_item() -> None:
    assert np.isnan(scores_of_all(fit(), [])).all()
    assert np.isnan(scores_of_all(fit(), [(7, 0)])).all()  # it has no event


@pytest.fixture
def nearby(monkeypatch: pytest.MonkeyPatch) -> SequenceSource:
    """The 20 items with the most events have vectors, 10 of them are listed, 6 for each."""
    monkeypatch.setattr(near_items, "WORTH_LISTING", 1)
    source = fit(max_items=10, near_items=6)
    assert source.near.shape == (20, 6)
    return source


def test_who_touched_one_item_is_proposed_the_best_of_all(nearby: SequenceSource) -> None:
    everywhere = replace(nearby, near=np.zeros((0, 0), dtype=np.uint16))
    for item in nearby.code.tolist():
        asked = histories_of([(item, 0)])
        near, best = (source.propose(asked, 3) for source in (nearby, everywhere))
        assert near.item.tolist() == best.item.tolist()


def test_short_lists_find_most_of_the_best_of_all(nearby: SequenceSource) -> None:
    everywhere = replace(nearby, near=np.zeros((0, 0), dtype=np.uint16))
    asked = random_histories(4, n=200, n_items=60)
    near, best = (source.propose(asked, 3) for source in (nearby, everywhere))
    of_near = set(zip(near.rows().tolist(), near.item.tolist(), strict=True))
    of_best = set(zip(best.rows().tolist(), best.item.tolist(), strict=True))
    assert len(of_near & of_best) > 0.9 * len(of_best)


def test_a_vector_that_older_events_give_is_looked_for_in_their_lists(
    nearby: SequenceSource,
) -> None:
    bare = sorted(set(range(60)) - set(nearby.code.tolist()))[:8]
    known = int(nearby.code[0])
    plain = histories_of([(known, 0)])
    followed = histories_of([(known, 0), *((item, 0) for item in bare)])
    assert len(nearby.propose(plain, 3).item) == 3
    assert nearby.propose(followed, 3).item.tolist() == nearby.propose(plain, 3).item.tolist()


def test_items_that_no_moment_holds_have_no_vector() -> None:
    log = log_of([(0, 0), (1, 0)], [(2, 0)], [(3, 0)], n_items=5)
    source = SequenceSource.fit(
        log, cut_ms=CUT_MS, event_weights=WEIGHTS, config=CONFIG, seed=1, threads=1
    )
    assert source.code.tolist() == [0, 1]
    assert np.isnan(scores_of_all(source, [(0, 0)])).tolist() == [False, False, True, True, True]
    assert np.isnan(scores_of_all(source, [(2, 0)])).all()
    assert source.propose(histories_of([(2, 0)]), 5).item.tolist() == []


def test_a_visitors_vector_is_the_one_that_was_learned_with() -> None:
    config = SMALL.model_copy(update={"max_items": 10, "query_events": 4})
    log = random_log(3)
    source = SequenceSource.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=CONFIG.model_copy(update={"sequence": config}),
        seed=1,
        threads=1,
    )
    row_of_item = np.full(60, -1, dtype=np.int32)
    row_of_item[source.code] = np.arange(len(source.code))
    moments = Moments.of(log, row_of_item, WEIGHTS, config)
    vectors, nothing = source.vectors.astype(np.float64), np.zeros(0, dtype=np.int64)
    learned = Parameters(
        vectors, source.item_bias.astype(np.float64), source.age_bias.astype(np.float64)
    )
    rows, batch = moments.batch(
        np.arange(len(moments)),
        nothing,
        np.zeros(len(vectors)),
        dropout=0.0,
        rng=np.random.default_rng(0),
    )
    shares = shares_of(
        Parameters(learned.vectors[rows], learned.item_bias[rows], learned.age_bias), batch
    )
    trained = shares @ vectors[rows]
    trained /= np.linalg.norm(trained, axis=1, keepdims=True)
    # The same moments as histories: all of a visitor's events before each, items with none too.
    kept = np.flatnonzero(row_of_item[log.item] >= 0)
    served = []
    for target in kept[moments.target].tolist():
        start = int(log.ptr[log.user[target]])
        events = zip(log.item[start:target], log.event_type[start:target], strict=True)
        asked = histories_of([(int(item), int(kind)) for item, kind in events])
        served.append(source.visitor_vectors(asked)[0])
    assert len(served) > 50
    np.testing.assert_allclose(np.array(served), trained, atol=1e-5)
