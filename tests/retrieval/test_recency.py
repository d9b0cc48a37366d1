import numpy as np

from endcap.retrieval.recency import recent_events
from tests.retrieval.shop import WEIGHTS, histories_of


def test_the_newest_known_events_are_kept_and_aged_from_zero() -> None:
    asked = histories_of([(1, 0), (2, 1), (-1, 0), (3, 2)], [], [(9, 0), (4, 0)])
    events = recent_events(asked, n_items=9, event_weights=WEIGHTS, limit=2)
    assert events.row.tolist() == [0, 0, 2]
    assert events.item.tolist() == [2, 3, 4]
    assert events.weight.tolist() == [2.0, 3.0, 1.0]
    assert events.age.tolist() == [1, 0, 0]
    assert events.decayed(1.0).tolist() == [2 / 2, 3.0, 1.0]


def test_an_event_type_without_weight_counts_like_the_first() -> None:
    events = recent_events(
        histories_of([(1, 7), (2, -1)]), n_items=9, event_weights=WEIGHTS, limit=5
    )
    assert events.weight.tolist() == [1.0, 1.0]


def test_events_of_weight_zero_are_dropped() -> None:
    weights = np.array([0.0, 2.0], dtype=np.float32)
    events = recent_events(
        histories_of([(1, 0), (2, 1)]), n_items=9, event_weights=weights, limit=5
    )
    assert events.item.tolist() == [2]
