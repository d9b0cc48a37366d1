from math import log, sqrt

import numpy as np
import pytest

from endcap.config_retrieval import RetrievalConfig, SessionKnnConfig
from endcap.retrieval.session_knn import SessionKnnSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, Event, histories_of, log_of
from tests.retrieval.source_contract import SourceContract

PLAIN = SessionKnnConfig(
    half_life_days=1e12, query_half_life_events=1.0, distance_half_life_steps=1.0
)


class TestSessionKnnContract(SourceContract):
    source = SessionKnnSource


def fitted(*visits: list[Event], n_items: int = 6, **changes: float) -> SessionKnnSource:
    return SessionKnnSource.fit(
        log_of(*visits, n_items=n_items),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(session_knn=PLAIN.model_copy(update=changes)),
        seed=1,
        threads=1,
    )


def scores(source: SessionKnnSource, *history: Event) -> dict[int, float]:
    proposals = source.propose(histories_of(list(history)), 10)
    return dict(zip(proposals.item.tolist(), proposals.score.tolist(), strict=True))


def test_a_neighbour_votes_for_its_items_by_overlap_rarity_and_distance() -> None:
    source = fitted([(0, 0), (1, 0), (2, 0)], [(3, 0), (4, 0)])
    # The history is 0, then 1: the session shares both (1/2 + 1) over the root of its 3 events;
    # item 1 is where they meet. Each item is in one of the two sessions.
    similarity = (0.5 + 1) / sqrt(3) * log(2)
    assert scores(source, (0, 0), (1, 0)) == pytest.approx(
        {1: similarity, 0: similarity / 2, 2: similarity / 2}
    )


def test_an_older_session_weighs_less() -> None:
    early, late = [(0, 0), (1, 0)], [(0, 0), (2, 0)]
    source = fitted(early, [(5, 0)] * 20 + late, half_life_days=0.5, session_events=2)
    voted = scores(source, (0, 0))
    # The second visitor's session ends 20 hours after the first one's.
    assert voted[1] / voted[2] == pytest.approx(2 ** (-20 / 24 / 0.5), rel=1e-5)


def test_only_the_most_similar_sessions_vote() -> None:
    source = fitted([(0, 0), (1, 0), (2, 0)], [(0, 0), (3, 0), (4, 0)], neighbours=1)
    assert set(scores(source, (0, 0), (1, 0))) == {0, 1, 2}


def test_an_item_asks_only_its_newest_sessions() -> None:
    source = fitted([(0, 0), (1, 0)], [(5, 0), (0, 0), (2, 0)], sessions_per_item=1)
    assert set(scores(source, (0, 0))) == {5, 0, 2}


def test_a_long_gap_ends_a_session() -> None:
    source = fitted([(0, 0), (1, 0)], session_gap_hours=0.5)
    assert source.index.n_sessions == 0
    assert scores(source, (0, 0)) == {}


def test_a_session_of_one_event_is_not_kept() -> None:
    source = fitted([(0, 0)], [(0, 0), (1, 0)])
    assert source.index.n_sessions == 1
    assert np.diff(source.index.item_ptr).tolist() == [1, 1, 0, 0, 0, 0]
