import numpy as np
import pytest

from endcap.config_retrieval import SequenceConfig
from endcap.retrieval import near_items
from endcap.retrieval.sequence import SequenceSource
from tests.retrieval.shop import CONFIG, CUT_MS, WEIGHTS, histories_of, random_histories, random_log
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


def test_near_lists_find_what_looking_at_all_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = fit()
    monkeypatch.setattr(near_items, "WORTH_LISTING", 1)
    nearby = fit(near_items=58)
    assert nearby.near.shape == (len(nearby.code), 58)
    asked = random_histories(4, n=80, n_items=60)
    # A list of 58 of 59 items leaves out none of the best 5 of a visitor who points anywhere.
    for name in ("ptr", "item", "score"):
        assert (
            getattr(nearby.propose(asked, 5), name).tobytes()
            == getattr(everywhere.propose(asked, 5), name).tobytes()
        )
