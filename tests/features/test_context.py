from collections.abc import Sequence
from math import isnan, log, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features import context
from endcap.features.context import context_features
from endcap.features.item_table import ItemTable
from endcap.features.user_entries import USER_FEATURES
from tests.features.one_visitor import DAY, MINUTE, NOW, WEIGHTS, Events, features
from tests.features.small_items import histories, item_table

# Items 0 and 1 in category 1, item 2 in category 2, both below category 0; item 3 in none.
ITEMS = item_table(
    price=[10.0, 20.0, 40.0, nan],
    category=[1, 1, 2, -1],
    parent=[-1, 0, 0],
    transitions={(0, 2): (0.5, 5), (1, 2): (0.25, 3), (2, 0): (0.125, 1)},
)


def _features(events: Events, candidates: Sequence[int], now: int = NOW) -> dict[str, list[float]]:
    return features(events, candidates, ITEMS, now=now)


def test_touches_are_counted_by_type() -> None:
    found = _features([(0, 0, 0), (1, 0, 0), (2, 0, 1), (3, 0, 2), (4, 1, 0)], [0, 1, 2])
    assert found["seen_views"] == [2, 1, 0]
    assert found["seen_carts"] == [1, 0, 0]
    assert found["seen_purchases"] == [1, 0, 0]
    assert found["seen_events"] == [4, 1, 0]


def test_last_touch_is_told_in_seconds_and_steps() -> None:
    events = [(NOW - 9000, 0, 0), (NOW - 5000, 1, 0), (NOW - 4000, -1, 0), (NOW - 500, 0, 0)]
    found = _features(events, [0, 1, 2])
    assert found["seconds_since_touch"] == pytest.approx([0.5, 5.0, nan], nan_ok=True)
    assert found["steps_since_touch"] == pytest.approx([0, 2, nan], nan_ok=True)


def test_affinity_halves_with_the_half_life_and_weighs_the_type() -> None:
    found = _features([(NOW - 2 * DAY, 0, 2), (NOW - DAY, 1, 0), (NOW, 2, 1)], [0, 1, 2, 3])
    assert found["affinity_item"] == [4 / 4, 1 / 2, 2, 0]
    in_category = 4 / 4 + 1 / 2
    assert found["affinity_category"] == pytest.approx(
        [in_category, in_category, 2, nan], nan_ok=True
    )
    below_root = in_category + 2
    assert found["affinity_root"] == pytest.approx([below_root] * 3 + [nan], nan_ok=True)


def test_category_share_is_among_events_with_a_category() -> None:
    found = _features([(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 0), (4, -1, 0)], [0, 2, 3])
    assert found["category_share"] == pytest.approx([2 / 3, 1 / 3, nan], nan_ok=True)


def test_same_category_is_told_from_the_last_known_item() -> None:
    found = _features([(0, 2, 0), (1, 0, 0), (2, -1, 0)], [1, 2, 3])
    assert found["same_category_as_last"] == pytest.approx([1, 0, nan], nan_ok=True)
    after_uncategorised = _features([(0, 3, 0)], [1, 3])["same_category_as_last"]
    assert all(isnan(value) for value in after_uncategorised)


def test_price_distance_is_a_log_ratio() -> None:
    found = _features([(0, 0, 0), (1, 3, 0), (2, 2, 0)], [0, 1, 3])
    assert found["log_price_vs_last"] == pytest.approx(
        [log(10 / 40), log(20 / 40), nan], nan_ok=True
    )
    mean = (log(10) + log(40)) / 2
    assert found["log_price_vs_mean"] == pytest.approx(
        [log(10) - mean, 0, nan], abs=1e-6, nan_ok=True
    )


def test_transitions_come_from_the_newest_distinct_items() -> None:
    found = _features([(0, 1, 0), (1, 0, 0), (2, 0, 1)], [2, 0])
    assert found["transition_last"] == [0.5, 0]
    assert found["transition_max"] == [0.5, 0]
    assert found["transition_weighted"] == [0.5 + 0.25 / 2, 0]
    assert found["transition_support"] == [5 + 3, 0]


def test_a_fourth_item_back_is_not_looked_at() -> None:
    found = _features([(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 0)], [2])
    assert found["transition_last"] == [0]
    assert found["transition_max"] == [0.25]
    assert found["transition_weighted"] == [0.25 / 4]


def test_an_open_session_counts_and_a_closed_one_does_not() -> None:
    events = [(NOW - 100 * MINUTE, 0, 0), (NOW - 50 * MINUTE, 1, 0), (NOW - 20 * MINUTE, 2, 1)]
    found = _features(events, [0])
    assert (found["session_events"], found["session_seconds"]) == ([2], [50 * 60])
    assert (found["history_length"], found["history_items"]) == ([3], [3])
    assert (found["seconds_since_last_event"], found["last_event_type"]) == ([20 * 60], [1])
    later = _features(events, [0], NOW + 11 * MINUTE)
    assert (later["session_events"], later["session_seconds"]) == ([0], [0])


def test_clock_is_utc() -> None:
    found = _features([], [0])
    assert (found["hour_of_day"], found["day_of_week"]) == ([14], [6])


def test_an_empty_history_has_zeros_where_counted_and_nan_where_unknown() -> None:
    found = _features([], [0, 3])
    zero = {name for name, values in found.items() if values == [0, 0]}
    missing = {name for name, values in found.items() if all(isnan(value) for value in values)}
    counts = {f.name for f in USER_FEATURES if f.missing == "never"}
    assert zero == counts - {"hour_of_day", "day_of_week"}
    assert missing >= {"seconds_since_touch", "category_share", "transition_last", "repeat_share"}


def test_an_unknown_item_is_the_same_whatever_its_code() -> None:
    codes = [_features([(5, code, 0)], [0, 1]) for code in (-1, 4, 99)]
    assert str(codes[0]) == str(codes[1]) == str(codes[2])


def test_no_candidates_give_no_rows() -> None:
    assert _features([(0, 0, 0)], [])["seen_views"] == []


_event = st.tuples(st.integers(0, NOW), st.integers(-1, 5), st.integers(0, 4))
_visitor = st.tuples(
    st.lists(_event, max_size=12).map(sorted),
    st.lists(st.integers(0, 4), max_size=7),
    st.integers(NOW, NOW + 3 * DAY),
)
_WIDE = item_table(
    price=[1.1, 2.7, 31.4, nan, 0.07],
    category=[1, 2, 2, -1, 0],
    parent=[-1, 0, 0],
    transitions={
        (a, b): (1 / (3 + a + b), a + b) for a in range(5) for b in range(5) if (a + b) % 2
    },
)


def _batch(
    visitors: Sequence[tuple[list[tuple[int, int, int]], list[int], int]], items: ItemTable
) -> list[NDArray[np.float32]]:
    ptr = np.cumsum([0, *(len(candidates) for _, candidates, _ in visitors)])
    past: Histories = histories([v[0] for v in visitors], [v[2] for v in visitors])
    candidates = np.array([c for v in visitors for c in v[1]], dtype=np.int32)
    rows = context_features(past, ptr, candidates, items, FeatureConfig(), WEIGHTS)
    return np.split(rows, ptr[1:-1])


@settings(max_examples=200, deadline=None)
@given(st.lists(_visitor, min_size=1, max_size=9), st.sampled_from([1, 3, 1 << 16]))
def test_a_row_has_the_same_bits_whatever_else_is_in_the_batch(
    visitors: list[tuple[list[tuple[int, int, int]], list[int], int]], chunk_rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "CHUNK_ROWS", chunk_rows)
        together = _batch(visitors, _WIDE)
    for visitor, rows in zip(visitors, together, strict=True):
        assert _batch([visitor], _WIDE)[0].tobytes() == rows.tobytes()
        backwards = (visitor[0], visitor[1][::-1], visitor[2])
        assert _batch([backwards], _WIDE)[0][::-1].tobytes() == rows.tobytes()


def test_a_large_batch_has_the_bits_of_each_visitor_alone() -> None:
    rng = np.random.default_rng(5)
    visitors = []
    for _ in range(300):
        times = np.sort(rng.integers(0, NOW, rng.integers(0, 80))).tolist()
        events = [(t, int(rng.integers(-1, 5)), int(rng.integers(0, 3))) for t in times]
        visitors.append((events, rng.permutation(5).tolist(), NOW))
    for visitor, rows in zip(visitors, _batch(visitors, _WIDE), strict=True):
        assert _batch([visitor], _WIDE)[0].tobytes() == rows.tobytes()
