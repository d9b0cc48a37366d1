"""Bad input where histories are made, and what features make of it."""

import numpy as np
from numpy.typing import NDArray

from endcap.features.context import context_features
from endcap.serving.recommend import recommend
from endcap.serving.requests import GivenEvent, GivenHistory, read_histories, to_histories
from endcap.serving.slates import SlateRequest
from tests.serving.small_shop import CONFIG, N_ITEMS, fitted_model

NOW = 1_000_000


def _event(code: int, time_ms: int | None, event_type: str = "view") -> GivenEvent:
    return GivenEvent(f"sku-{code}", event_type, time_ms)


def _features(*histories: GivenHistory) -> NDArray[np.float32]:
    model = fitted_model()
    read = to_histories(histories, model, default_now_ms=NOW).newest(CONFIG.retrieval.max_history)
    n = len(histories)
    return context_features(
        read,
        np.arange(n + 1) * N_ITEMS,
        np.tile(np.arange(N_ITEMS, dtype=np.int32), n),
        model.items,
        CONFIG.features,
        model.event_weights,
    )


def _same(one: GivenHistory, other: GivenHistory) -> bool:
    return _features(one).tobytes() == _features(other).tobytes()


def test_an_empty_history_is_a_history() -> None:
    read = read_histories([GivenHistory([])], fitted_model(), default_now_ms=NOW)
    assert read.histories.lengths().tolist() == [0]
    assert read.histories.now_ms.tolist() == [NOW]
    assert len(_features(GivenHistory([]))) == N_ITEMS
    assert read_histories([], fitted_model(), default_now_ms=NOW).unknown_items.tolist() == []


def test_unknown_items_are_kept_and_counted() -> None:
    events = [GivenEvent("nobody-s", "view", 5), _event(1, 6), GivenEvent("none", "view", 7)]
    read = read_histories(
        [GivenHistory(events), GivenHistory([])], fitted_model(), default_now_ms=9
    )
    assert read.histories.item.tolist() == [-1, 1, -1]
    assert read.unknown_items.tolist() == [2, 0]


def test_two_unknown_items_at_once_are_no_duplicates() -> None:
    events = [GivenEvent("one", "view", 5), GivenEvent("other", "view", 5)]
    read = read_histories([GivenHistory(events)], fitted_model(), default_now_ms=9)
    assert (read.histories.lengths().tolist(), read.duplicates.tolist()) == ([2], [0])


def test_events_out_of_order_are_sorted() -> None:
    ordered = [_event(1, 10), _event(2, 20), _event(3, 30, "addtocart"), _event(2, 40)]
    shuffled = [ordered[i] for i in (2, 0, 3, 1)]
    assert _same(GivenHistory(ordered, NOW), GivenHistory(shuffled, NOW))


def test_events_of_one_moment_keep_their_order() -> None:
    read = to_histories(
        [GivenHistory([_event(5, 10), _event(1, 10), _event(3, 9)])],
        fitted_model(),
        default_now_ms=NOW,
    )
    assert read.item.tolist() == [3, 5, 1]


def test_duplicate_events_are_ignored_and_counted() -> None:
    events = [
        _event(1, 10),
        _event(2, 20),
        _event(1, 10),
        _event(1, 10, "addtocart"),
        _event(2, 20),
    ]
    read = read_histories([GivenHistory(events, NOW)], fitted_model(), default_now_ms=NOW)
    assert read.duplicates.tolist() == [2]
    assert read.histories.item.tolist() == [1, 1, 2]
    once = [_event(1, 10), _event(2, 20), _event(1, 10, "addtocart")]
    assert _same(GivenHistory(events, NOW), GivenHistory(once, NOW))


def test_the_same_event_without_a_time_may_have_happened_twice() -> None:
    events = [_event(1, None), _event(1, None)]
    read = read_histories([GivenHistory(events)], fitted_model(), default_now_ms=NOW)
    assert (read.histories.lengths().tolist(), read.duplicates.tolist()) == ([2], [0])


def test_events_after_now_are_ignored_and_counted() -> None:
    past = [_event(1, NOW - 5), _event(2, NOW)]
    future = [_event(3, NOW + 1), _event(1, NOW + 5, "transaction")]
    read = read_histories(
        [GivenHistory([*future, *past], NOW), GivenHistory(past, NOW)],
        fitted_model(),
        default_now_ms=0,
    )
    assert read.future.tolist() == [2, 0]
    assert read.histories.item.tolist() == [1, 2, 1, 2]
    assert _same(GivenHistory([*future, *past], NOW), GivenHistory(past, NOW))


def test_an_unknown_type_counts_as_a_view() -> None:
    assert _same(
        GivenHistory([_event(1, 5, "sniff")], NOW), GivenHistory([_event(1, 5, "view")], NOW)
    )


def test_of_ten_thousand_events_the_newest_are_looked_at() -> None:
    limit = CONFIG.retrieval.max_history
    events = [_event(i * 7 % N_ITEMS, NOW - 10_000 + i) for i in range(10_000)]
    long, short = GivenHistory(events, NOW), GivenHistory(events[-limit:], NOW)
    assert _same(long, short)
    answers = [
        recommend(
            fitted_model(),
            to_histories([history], fitted_model(), default_now_ms=NOW),
            SlateRequest(k=9, include_seen=True),
        )
        for history in (long, short)
    ]
    assert answers[0] == answers[1]
