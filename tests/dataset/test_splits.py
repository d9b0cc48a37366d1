from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.config import SplitConfig
from endcap.dataset.splits import DAY_MS, plan_folds
from endcap.errors import NotEnoughDataError


def test_windows_end_one_millisecond_past_the_last_event_without_a_gap() -> None:
    ranking, calibration, test, serving = plan_folds(0, 100 * DAY_MS - 1, SplitConfig())
    assert serving.cut_ms == serving.end_ms == 100 * DAY_MS
    assert (test.cut_ms, test.end_ms) == (93 * DAY_MS, 100 * DAY_MS)
    assert (calibration.cut_ms, calibration.end_ms) == (86 * DAY_MS, 93 * DAY_MS)
    assert (ranking.cut_ms, ranking.end_ms) == (79 * DAY_MS, 86 * DAY_MS)


def test_windows_shrink_to_a_share_of_a_short_log() -> None:
    test = plan_folds(0, 10 * DAY_MS - 1, SplitConfig(max_window_share=0.1))[2]
    assert test.end_ms - test.cut_ms == DAY_MS


def ranking_window(**moments: int) -> float:
    return plan_folds(0, 1000 * DAY_MS - 1, SplitConfig(), **moments)[0].days


def test_the_ranking_window_grows_until_it_holds_the_moments_that_are_wanted() -> None:
    assert ranking_window(moments=10_000, wanted=100) == pytest.approx(10)
    assert ranking_window(moments=10_000, wanted=30) == 7
    assert ranking_window(moments=10_000, wanted=9_000) == 28
    assert ranking_window(moments=0, wanted=9_000) == 7


def test_the_as_of_time_is_the_serving_cut() -> None:
    config = SplitConfig.model_validate({"as_of": "1970-02-01T00:00:00Z"})
    assert plan_folds(0, 31 * DAY_MS - 5, config)[3].cut_ms == 31 * DAY_MS


def test_a_log_of_seconds_is_refused_with_its_length() -> None:
    with pytest.raises(NotEnoughDataError, match="spans 5 s"):
        plan_folds(0, 5_000, SplitConfig())


@given(
    first=st.integers(0, 2_000_000_000_000),
    span=st.integers(60_000, 5_000 * DAY_MS),
    share=st.floats(0.01, 0.3),
    moments=st.integers(0, 10_000_000),
)
def test_cuts_rise_and_stay_inside_the_log(
    first: int, span: int, share: float, moments: int
) -> None:
    config = SplitConfig(max_window_share=share)
    folds = plan_folds(first, first + span, config, moments=moments, wanted=30_000)
    cuts = [fold.cut_ms for fold in folds]
    assert cuts == sorted(set(cuts))
    assert first < cuts[0]
    assert all(fold.end_ms == after.cut_ms for fold, after in pairwise(folds))
