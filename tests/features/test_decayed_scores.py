"""A stored score to which events are added is the score of all events at once, to the bit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.features.context import context_features
from endcap.features.decayed_scores import KINDS, DecayedScores, half_lives_ms
from endcap.features.registry import names
from tests.features.one_visitor import DAY, ONE_DAY, WEIGHTS
from tests.features.small_items import histories, item_table

Event = tuple[int, int, int]
"""(time_ms, item, event type)"""

CONFIG = FeatureConfig()
ITEMS = item_table(price=[1.0] * 4, category=[0, 0, 1, -1], parent=[-1, -1])
SPAN = 400 * DAY

_events = st.lists(
    st.tuples(st.integers(0, SPAN), st.integers(0, 3), st.integers(0, 4)), max_size=25
).map(sorted)


def _add(
    scores: DecayedScores, events: list[Event], keys: list[int], as_of_ms: int
) -> DecayedScores:
    kinds = np.array([kind for _, _, kind in events], dtype=np.int8)
    return scores.add(
        np.array(keys, dtype=np.int64),
        kinds,
        WEIGHTS[np.where(kinds < len(WEIGHTS), kinds, 0)].astype(np.float64),
        np.array([at for at, _, _ in events], dtype=np.int64),
        as_of_ms=as_of_ms,
    )


def _column(events: list[Event], now_ms: int, name: str) -> NDArray[np.float32]:
    rows = context_features(
        histories([events], [now_ms]),
        np.array([0, 4]),
        np.arange(4, dtype=np.int32),
        ITEMS,
        CONFIG,
        WEIGHTS,
    )
    return rows[:, names("user").index(name)]


def _in_parts(
    events: list[Event], keys: list[int], bounds: list[int], later_ms: int
) -> DecayedScores:
    scores = DecayedScores.empty(half_lives_ms(CONFIG))
    for start, stop in pairwise(sorted({0, *(b % (len(events) + 1) for b in bounds), len(events)})):
        as_of_ms = events[stop - 1][0] + later_ms * (stop == len(events))
        scores = _add(scores, events[start:stop], keys[start:stop], as_of_ms)
    return scores


@settings(max_examples=200, deadline=None)
@given(_events, st.lists(st.integers(0, 30), max_size=4), st.integers(0, DAY), st.integers(0, SPAN))
def test_adding_events_equals_computing_from_scratch(
    events: list[Event], bounds: list[int], later_ms: int, wait_ms: int
) -> None:
    now_ms = (events[-1][0] if events else 0) + later_ms + wait_ms
    of_item = [item for _, item, _ in events]
    wanted = np.arange(4, dtype=np.int64)
    stored = _in_parts(events, of_item, bounds, later_ms).at(wanted, now_ms)
    at_once = _add(DecayedScores.empty(half_lives_ms(CONFIG)), events, of_item, now_ms)
    assert stored.tobytes() == at_once.at(wanted, now_ms).tobytes()
    served = _column(events, now_ms, "affinity_item")
    assert stored.astype(np.float32).tobytes() == served.tobytes()


@settings(max_examples=100, deadline=None)
@given(_events, st.lists(st.integers(0, 30), max_size=4))
def test_stored_scores_of_categories_equal_the_feature(
    events: list[Event], bounds: list[int]
) -> None:
    category = ITEMS.category
    kept = [event for event in events if category[event[1]] >= 0]
    now_ms = (events[-1][0] if events else 0) + DAY
    keys = [int(category[item]) for _, item, _ in kept]
    stored = _in_parts(kept, keys, bounds, 0).at(category[:3].astype(np.int64), now_ms)
    served = _column(events, now_ms, "affinity_category")
    assert stored.astype(np.float32).tobytes() == served[:3].tobytes()
    assert np.isnan(served[3])


def test_each_type_has_its_own_half_life() -> None:
    config = FeatureConfig(
        affinity_view_half_life_days=1,
        affinity_cart_half_life_days=2,
        affinity_purchase_half_life_days=4,
    )
    scores = DecayedScores.empty(half_lives_ms(config))
    stored = _add(scores, [(0, 0, kind) for kind in range(len(KINDS))], [0, 1, 2], 4 * DAY)
    assert stored.at(np.array([0, 1, 2, 9]), 4 * DAY).tolist() == [1 / 16, 2 / 4, 4 / 2, 0]


def test_events_out_of_order_differ_in_the_last_bits_at_most() -> None:
    events = [(at, 0, at % 3) for at in range(0, 9 * DAY, DAY // 7)]
    scores = DecayedScores.empty(half_lives_ms(ONE_DAY))
    keys, now = [0] * len(events), 9 * DAY
    forth = _add(scores, events, keys, now).at(np.array([0]), now)
    back = _add(scores, events[::-1], keys, now).at(np.array([0]), now)
    assert forth == pytest.approx(back, rel=1e-12)


def test_what_is_very_old_fades_to_nothing() -> None:
    stored = _add(DecayedScores.empty(half_lives_ms(ONE_DAY)), [(0, 0, 0)], [0], 0)
    assert stored.at(np.array([0]), 4000 * DAY).tolist() == [0]
