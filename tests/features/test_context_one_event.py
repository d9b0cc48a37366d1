from math import nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.config_features import FeatureConfig
from endcap.features.context import context_features
from endcap.features.context_one_event import one_event_of
from tests.features.one_visitor import DAY, MINUTE, NOW, WEIGHTS
from tests.features.small_items import histories, item_table

# 0 ─ 1 ─ 2      4
#     └── 3
ITEMS = item_table(
    price=[1.1, 2.7, 31.4, nan, 0.07, 12.0, 3.0],
    category=[1, 2, 2, -1, 0, 3, 4],
    parent=[-1, 0, 1, 1, -1],
    transitions={
        (a, b): (1 / (3 + a + b), a + b) for a in range(7) for b in range(7) if (a + b) % 3
    },
    category_transitions={(2, 3): (0.25, 4), (2, 2): (0.5, 8), (0, 4): (0.125, 2)},
)
CONFIG = FeatureConfig()

_event = st.tuples(
    st.one_of(st.integers(NOW - 40 * MINUTE, NOW), st.integers(0, NOW)),
    st.integers(0, 6),
    st.integers(-1, 4),
)
_candidates = st.lists(st.integers(0, 6), min_size=1, max_size=9)
_now = st.integers(NOW, NOW + 3 * DAY)


@given(_event, _candidates, _now)
def test_one_event_alone_has_the_bits_it_has_beside_another_visitor(
    event: tuple[int, int, int], candidates: list[int], now: int
) -> None:
    item, n = np.array(candidates, dtype=np.int32), len(candidates)
    one = histories([[event]], [now])
    assert one_event_of(one, ITEMS, CONFIG, WEIGHTS) is not None
    alone = context_features(one, np.array([0, n]), item, ITEMS, CONFIG, WEIGHTS)
    two = histories([[event], []], [now, now])
    beside = context_features(two, np.array([0, n, n]), item, ITEMS, CONFIG, WEIGHTS)
    assert alone.tobytes() == beside.tobytes()


def test_only_one_event_on_a_known_item_that_still_weighs_something_is_told_by_itself() -> None:
    view = (NOW, 2, 0)
    for events in ([], [view, view], [(NOW, 7, 0)], [(NOW, -1, 0)]):
        assert one_event_of(histories([events], [NOW]), ITEMS, CONFIG, WEIGHTS) is None
    weightless = np.zeros(3, dtype=np.float32)
    assert one_event_of(histories([[view]], [NOW]), ITEMS, CONFIG, weightless) is None
    assert one_event_of(histories([[view], []], [NOW, NOW]), ITEMS, CONFIG, WEIGHTS) is None
