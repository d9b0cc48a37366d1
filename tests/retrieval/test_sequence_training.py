import numpy as np
import pytest

from endcap.config_retrieval import SequenceConfig
from endcap.dataset.log import InteractionLog
from endcap.errors import DatasetError
from endcap.retrieval import sequence_training
from endcap.retrieval.sequence_training import Moments, learn_vectors
from tests.retrieval.shop import WEIGHTS, log_of

ROW_OF_ITEM = np.array([0, 1, -1, 2, 3], dtype=np.int32)


def moments_of(log: InteractionLog, **changes: int) -> Moments:
    return Moments.of(log, ROW_OF_ITEM, WEIGHTS, SequenceConfig.model_validate(changes))


def test_each_event_but_a_visitors_first_is_a_moment() -> None:
    moments = moments_of(log_of([(0, 0), (1, 1), (3, 2)], [(4, 0)], [(3, 0), (0, 0)], n_items=5))
    assert moments.item.tolist() == [0, 1, 2, 3, 2, 0]
    assert moments.weight.tolist() == [1, 2, 3, 1, 1, 1]
    assert moments.target.tolist() == [1, 2, 5]
    assert moments.first.tolist() == [0, 0, 4]


def test_events_on_items_without_a_vector_are_passed_over() -> None:
    moments = moments_of(log_of([(0, 0), (2, 0), (1, 0)], [(2, 0), (3, 0)], n_items=5))
    assert moments.item.tolist() == [0, 1, 2]
    assert moments.target.tolist() == [1]


def test_the_newest_moments_and_events_are_kept() -> None:
    log = log_of([(0, 0)] * 5, [(1, 0)] * 3, n_items=5)
    moments = moments_of(log, max_moments=2, query_events=3)
    assert log.time_ms[moments.target].tolist() == sorted(log.time_ms)[-2:]
    assert (moments.target - moments.first).tolist() == [3, 3]


def test_no_event_has_moments_and_the_vectors_stay_random() -> None:
    moments = moments_of(log_of([(0, 0)], n_items=5))
    assert len(moments) == 0
    learned = learn_vectors(moments, n_rows=4, config=SequenceConfig(), seed=3)
    assert np.abs(learned.vectors).min() > 0
    assert (np.diff(learned.age_bias) < 0).all()


def test_what_is_left_of_a_moment_without_some_events_is_never_nothing() -> None:
    moments = moments_of(log_of(*[[(0, 0), (1, 0), (3, 0), (4, 0)]] * 50, n_items=5))
    chosen, rng = np.arange(len(moments)), np.random.default_rng(0)
    place, ptr = moments.events_of(chosen, dropout=0.9, rng=rng)
    sizes = np.diff(ptr)
    assert sizes.min() == 1
    assert sizes.sum() < 0.6 * (moments.target - moments.first).sum()
    owner = np.repeat(chosen, sizes)
    assert (place >= moments.first[owner]).all()
    assert (place < moments.target[owner]).all()
    whole, _ = moments.events_of(chosen, dropout=0.0, rng=rng)
    assert len(whole) == (moments.target - moments.first).sum()


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> Moments:
    """Forty visitors, each of whom looks at an even item and then at the one after it."""
    monkeypatch.setattr(sequence_training, "MOMENTS_AT_ONCE", 16)
    monkeypatch.setattr(sequence_training, "DRAWN_AT_ONCE", 8)
    log = log_of(
        *[[(2 * (user % 10), 0), (2 * (user % 10) + 1, 0)] for user in range(40)], n_items=20
    )
    return Moments.of(log, np.arange(20, dtype=np.int32), WEIGHTS, SequenceConfig())


def test_what_comes_next_lies_where_the_visitor_points(pairs: Moments) -> None:
    config = SequenceConfig(factors=16, epochs=40, learning_rate=0.03)
    vectors = learn_vectors(pairs, n_rows=20, config=config, seed=1).vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit[::2] @ unit.T
    cosine[np.arange(10), 2 * np.arange(10)] = -1  # the item itself
    assert cosine.argmax(axis=1).tolist() == (2 * np.arange(10) + 1).tolist()


def test_another_seed_gives_other_vectors(pairs: Moments) -> None:
    config = SequenceConfig(factors=4, epochs=1)
    one, two, again = (
        learn_vectors(pairs, n_rows=20, config=config, seed=seed).vectors.tobytes()
        for seed in (1, 2, 1)
    )
    assert one == again
    assert one != two


def test_rows_are_held_by_the_moments_that_reach_them() -> None:
    log = log_of([(0, 0), (1, 0)], [(3, 0)], [(4, 0), (4, 0), (4, 0)], n_items=5)
    assert moments_of(log).held(4).tolist() == [True, True, False, True]
    assert moments_of(log, max_moments=1).held(4).tolist() == [False, False, False, True]
    assert moments_of(log, max_moments=0).held(4).tolist() == [False] * 4


def test_steps_past_all_bounds_are_refused(pairs: Moments) -> None:
    with np.errstate(all="ignore"), pytest.raises(DatasetError, match="learning_rate"):
        learn_vectors(pairs, n_rows=20, config=SequenceConfig(learning_rate=1e38), seed=1)
