import math

import numpy as np
import pytest

from endcap.evaluation.bootstrap import Estimate, VisitorDraws, bootstrap_mean, paired_difference


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_mean_is_over_queries_and_not_over_visitors() -> None:
    values, user = np.array([1.0, 0.0, 0.0]), np.array([4, 9, 9], dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=50, confidence=0.9, rng=rng())
    assert estimate.mean == pytest.approx((1 + 0 + 0) / 3)


def test_the_interval_is_the_central_share_of_the_resampled_means() -> None:
    # two visitors: a sample holds both (mean 1/3), only the first (1) or only the second (0)
    values, user = np.array([1.0, 0.0, 0.0]), np.array([4, 9, 9], dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=400, confidence=0.95, rng=rng())
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_queries_of_one_visitor_are_drawn_together() -> None:
    # one visitor: every sample is the whole, so there is no spread to see
    values, user = np.array([1.0, 0.0, 0.5]), np.zeros(3, dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=20, confidence=0.95, rng=rng())
    assert estimate == Estimate(0.5, 0.5, 0.5)


def test_a_query_without_a_value_is_left_out() -> None:
    values, user = np.array([1.0, np.nan, 0.0]), np.array([0, 1, 2], dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=50, confidence=0.9, rng=rng())
    assert estimate.mean == pytest.approx((1 + 0) / 2)
    assert not math.isnan(estimate.low)


@pytest.mark.parametrize("values", [np.zeros(0), np.full(3, np.nan)])
def test_without_values_there_is_no_estimate(values: np.ndarray) -> None:
    user = np.arange(len(values), dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=10, confidence=0.9, rng=rng())
    assert not estimate.is_measured
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


def test_equal_systems_differ_by_exactly_nothing() -> None:
    values, user = np.random.default_rng(1).random(30), np.arange(30, dtype=np.int32)
    estimate = paired_difference(values, values, user, samples=50, confidence=0.9, rng=rng())
    assert estimate == Estimate(0.0, 0.0, 0.0)


def test_pairing_sees_a_small_difference_that_two_intervals_would_hide() -> None:
    base = np.random.default_rng(1).random(200)
    user = np.arange(200, dtype=np.int32)
    estimate = paired_difference(base + 0.01, base, user, samples=200, confidence=0.95, rng=rng())
    assert estimate.low == pytest.approx(0.01)
    alone = bootstrap_mean(base, user, samples=200, confidence=0.95, rng=rng())
    assert alone.high - alone.low > 0.05


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    values = (np.random.default_rng(3).random(2000) < 0.3).astype(float)
    user = np.arange(2000, dtype=np.int32)
    estimate = bootstrap_mean(values, user, samples=2000, confidence=0.95, rng=rng())
    deviation = math.sqrt(values.mean() * (1 - values.mean()) / 2000)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * deviation, rel=0.08)


def test_columns_are_estimated_as_if_each_stood_alone() -> None:
    data = np.random.default_rng(5).random((40, 3))
    data[::3, 1] = np.nan
    user = np.random.default_rng(6).integers(0, 12, 40).astype(np.int32)
    draws = VisitorDraws.draw(user, samples=60, confidence=0.9, rng=rng())
    together = draws.estimate(data)
    for column, estimate in enumerate(together):
        alone = draws.estimate(data[:, [column]])[0]
        assert estimate.mean == pytest.approx(alone.mean)
        assert (estimate.low, estimate.high) == pytest.approx((alone.low, alone.high))


def test_the_same_seed_draws_the_same_visitors() -> None:
    user = np.array([3, 3, 8], dtype=np.int32)
    first, second = (VisitorDraws.draw(user, samples=5, confidence=0.9, rng=rng()) for _ in "ab")
    assert first.times.tolist() == second.times.tolist()
    assert first.times.sum(axis=1).tolist() == [2] * 5
