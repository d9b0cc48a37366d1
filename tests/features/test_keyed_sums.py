import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from endcap.features.keyed_sums import group_by


def test_groups_count_sum_and_know_their_last_event() -> None:
    groups = group_by(np.array([5, 2, 5, 2, 9]))
    assert groups.count().tolist() == [2, 2, 1]
    assert groups.sum(np.array([1.0, 2.0, 4.0, 8.0, 16.0])).tolist() == [2 + 8, 1 + 4, 16]
    assert groups.last_event.tolist() == [3, 2, 4]


def test_a_key_that_is_not_there_finds_the_place_after_the_last_group() -> None:
    assert group_by(np.array([5, 2])).find(np.array([-1, 2, 3, 5, 6])).tolist() == [2, 0, 2, 1, 2]


def test_no_events_make_no_groups() -> None:
    groups = group_by(np.empty(0, dtype=np.int64))
    assert len(groups) == 0
    assert groups.find(np.array([1])).tolist() == [0]
    assert groups.sum(np.empty(0)).tolist() == []


@given(
    arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 5)),
    st.integers(0, 2**32 - 1),
)
def test_a_sum_depends_on_its_own_events_alone(keys: np.ndarray, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=len(keys))
    groups = group_by(keys)
    totals = groups.sum(values)
    for key in np.unique(keys):
        alone = group_by(keys[keys == key]).sum(values[keys == key])
        assert totals[groups.find(np.array([key]))].tobytes() == alone.tobytes()
