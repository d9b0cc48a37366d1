import numpy as np
import pytest

from endcap.errors import NotEnoughDataError
from endcap.uncertainty.calibration import Calibration
from endcap.uncertainty.conformal import calibrate
from tests.uncertainty.shops import Scored, scored_shop


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fit(scored_shop())


def fit(shop: Scored) -> Calibration:
    return calibrate(shop.scores, shop.relevance, shop.groups, relevance_scale=3.0)


def test_probability_meets_the_true_probability(calibration: Calibration) -> None:
    unseen = scored_shop(seed=1)
    error = np.abs(calibration.probability_of(unseen.scores) - unseen.truth)
    assert error.mean() < 0.02
    assert error.max() < 0.3


def test_expected_relevance_meets_its_true_mean(calibration: Calibration) -> None:
    unseen = scored_shop(seed=1)
    mean_grade = (0.7 * 1 + 0.2 * 2 + 0.1 * 3) / 3
    error = np.abs(calibration.expected_of(unseen.scores) - unseen.truth * mean_grade)
    assert error.mean() < 0.02


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_as_often_as_asked_in_every_tenth_of_the_scores(
    calibration: Calibration, confidence: float
) -> None:
    unseen = scored_shop(queries=2000, seed=2)
    lower, upper = calibration.interval(unseen.scores, confidence)
    graded = unseen.relevance / 3.0
    held = (lower <= graded) & (graded <= upper)
    tenth = np.searchsorted(np.quantile(unseen.truth, np.arange(1, 10) / 10), unseen.truth)
    by_tenth = np.bincount(tenth, weights=held) / np.bincount(tenth)
    assert held.mean() >= confidence - 0.01
    assert by_tenth.min() >= confidence - 0.05


def test_intervals_say_something_where_it_matters(calibration: Calibration) -> None:
    likely = np.array([2.0])
    lower, upper = calibration.interval(likely, 0.8)
    assert lower[0] > 0 or upper[0] < 1
    hopeless = np.array([-4.0])
    assert calibration.interval(hopeless, 0.9)[1][0] < 0.05


def test_the_same_input_gives_the_same_calibration() -> None:
    assert fit(scored_shop(seed=3)).to_json() == fit(scored_shop(seed=3)).to_json()


def test_queries_of_one_half_do_not_touch_the_curves() -> None:
    shop = scored_shop(queries=200)
    odd = shop.groups % 2 == 1
    changed = np.where(odd, 0, shop.relevance).astype(np.float32)
    changed[np.flatnonzero(odd)[0]] = 1.0
    other = calibrate(shop.scores, changed, shop.groups, relevance_scale=3.0)
    assert np.array_equal(other.probability, fit(shop).probability)
    assert not np.array_equal(other.half_width, fit(shop).half_width)


def test_few_rows_widen_to_the_whole_range_rather_than_promise() -> None:
    shop = scored_shop(queries=4, candidates=15, seed=5)
    lower, upper = fit(shop).interval(shop.scores, 0.99)
    assert (lower.min(), upper.max()) == (0.0, 1.0)
    assert np.all(upper - lower == 1.0)


def test_equal_scores_are_calibrated_to_their_share() -> None:
    shop = scored_shop(queries=400)
    same = np.zeros(len(shop.scores))
    constant = calibrate(same, shop.relevance, shop.groups, relevance_scale=3.0)
    fitted = shop.groups % 2 == 0
    share = (shop.relevance[fitted] > 0).mean()
    assert constant.probability_of(np.array([-9.0, 0.0, 9.0])) == pytest.approx([share] * 3)


@pytest.mark.parametrize("queries", [0, 1])
def test_too_few_queries_are_refused(queries: int) -> None:
    shop = scored_shop(queries=queries)
    with pytest.raises(NotEnoughDataError, match="calibration window"):
        fit(shop)


def test_a_window_without_interactions_is_refused() -> None:
    shop = scored_shop(queries=50)
    with pytest.raises(NotEnoughDataError, match="calibration window"):
        calibrate(shop.scores, shop.relevance * 0, shop.groups, relevance_scale=3.0)


def test_outcomes_meet_their_true_probabilities(calibration: Calibration) -> None:
    # The shop: of what is touched 30 in 100 are worth 2 or more, 10 in 100 are worth 3.
    unseen = scored_shop(seed=1)
    for weight, share in ((1.0, 1.0), (2.0, 0.3), (3.0, 0.1)):
        told = calibration.probability_of_outcome(unseen.scores, weight)
        assert np.abs(told - share * unseen.truth).mean() < 0.02


def test_a_rarer_outcome_is_never_likelier(calibration: Calibration) -> None:
    scores = np.linspace(-10, 10, 500)
    told = [calibration.probability_of_outcome(scores, weight) for weight in (1, 2, 3, 9)]
    np.testing.assert_array_equal(told[0], calibration.probability_of(scores))
    assert (np.diff(np.stack(told), axis=0) <= 0).all()
    assert (np.diff(np.stack(told), axis=1) >= 0).all()
    assert (told[-1] > 0).all()
