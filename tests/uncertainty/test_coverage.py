import numpy as np
import pytest

from endcap.uncertainty.conformal import calibrate
from endcap.uncertainty.coverage import measure_coverage, top_rows
from tests.uncertainty.shops import scored_shop
from tests.uncertainty.test_calibration import HAND_MADE


def test_coverage_counts_the_rows_whose_relevance_lies_in_the_interval() -> None:
    # Intervals at 0.9 are [0, 0.4], [0, 0.4], [0, 1]; relevance 0, 2, 4 of 4.
    scores, relevance = np.array([2.5, 2.5, 7.5]), np.array([0, 2, 4], dtype=np.float32)
    (everything, first) = measure_coverage(
        HAND_MADE,
        scores,
        relevance,
        np.array([0, 0, 1]),
        rng=np.random.default_rng(0),
        slices={"first": np.array([True, False, False])},
    )
    assert everything.coverage == pytest.approx((1 + 0 + 1) / 3)
    assert everything.mean_width == pytest.approx((0.4 + 0.4 + 1.0) / 3)
    assert everything.mean_probability == pytest.approx((0.3 + 0.3 + 0.7) / 3)
    assert everything.observed_share == pytest.approx(2 / 3)
    assert (everything.queries, everything.rows, everything.confidence) == (2, 3, 0.9)
    # The bootstrap draws queries: their coverages are 1/2 and 1.
    assert everything.low == pytest.approx(1 / 2)
    assert everything.high == pytest.approx(1.0)
    assert (first.name, first.rows, first.coverage) == ("first", 1, 1.0)


def test_an_empty_slice_has_no_numbers() -> None:
    nothing = np.zeros(0)
    (everything,) = measure_coverage(
        HAND_MADE,
        nothing,
        nothing.astype(np.float32),
        nothing.astype(np.int64),
        rng=np.random.default_rng(0),
    )
    assert everything.rows == 0
    assert np.isnan([everything.coverage, everything.low, everything.mean_width]).all()


def test_what_is_shown_is_covered_on_unseen_queries() -> None:
    learnt, unseen = scored_shop(seed=1), scored_shop(seed=2)
    calibration = calibrate(learnt.scores, learnt.relevance, learnt.groups, relevance_scale=3.0)
    shown = top_rows(unseen.scores, unseen.groups, 10)
    everything, top = measure_coverage(
        calibration,
        unseen.scores,
        unseen.relevance,
        unseen.groups,
        rng=np.random.default_rng(0),
        confidence=0.8,
        slices={"shown": shown},
    )
    assert everything.low <= everything.coverage <= everything.high
    assert everything.coverage >= 0.79
    assert top.coverage >= 0.77
    assert abs(top.mean_probability - top.observed_share) < 0.03


def test_top_rows_are_each_groups_best_and_ties_go_to_the_first() -> None:
    scores, groups = np.array([1.0, 3, 3, 3, 0, 5]), np.array([0, 0, 0, 0, 7, 7])
    assert top_rows(scores, groups, 2).tolist() == [False, True, True, False, True, True]
    assert top_rows(scores, groups, 1).tolist() == [False, True, False, False, False, True]
