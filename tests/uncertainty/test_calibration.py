from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.errors import CorruptArtifactError, UserInputError
from endcap.uncertainty.calibration import Calibration
from endcap.uncertainty.conformal import calibrate
from tests.uncertainty.shops import scored_shop

HAND_MADE = Calibration(
    score=np.array([0.0, 10.0]),
    probability=np.array([0.1, 0.9]),
    expected=np.array([0.0, 0.8]),
    edges=np.array([5.0]),
    confidences=np.array([0.5, 0.9]),
    half_width=np.array([[0.0, 0.1], [0.2, 0.6]]),
    grades=np.array([0.0, 0.25, 0.5, 1.0]),
    relevance_scale=4.0,
    confidence=0.9,
)
SHOP = scored_shop(queries=120)
FITTED = calibrate(SHOP.scores, SHOP.relevance, SHOP.groups, relevance_scale=3.0)

a_score = st.floats(-50, 50)
a_confidence = st.floats(0.01, 0.999)


def test_probability_and_expected_relevance_are_linear_between_knots_and_flat_outside() -> None:
    scores = np.array([-5.0, 0.0, 5.0, 10.0, 99.0])
    assert HAND_MADE.probability_of(scores) == pytest.approx([0.1, 0.1, 0.5, 0.9, 0.9])
    assert HAND_MADE.expected_of(scores) == pytest.approx([0.0, 0.0, 0.4, 0.8, 0.8])


def test_an_interval_is_the_bands_half_width_around_the_point_down_to_a_grade() -> None:
    lower, upper = HAND_MADE.interval(np.array([2.5, 7.5]), 0.9)
    # 0.2 -+ 0.2 and 0.6 -+ 0.6, clipped to 1.
    assert lower.tolist() == [0.0, 0.0]
    assert upper == pytest.approx([0.4, 1.0])
    lower, upper = HAND_MADE.interval(np.array([7.5]), 0.5)
    # 0.6 - 0.1 is a grade itself.
    assert (lower[0], upper[0]) == (0.5, pytest.approx(0.7))
    # 0.2 - 0 is none: down to the next.
    assert HAND_MADE.interval(np.array([2.5]), 0.5)[0].tolist() == [0.0]


def test_a_confidence_between_two_of_the_grid_takes_the_higher_one() -> None:
    scores = np.array([1.0, 8.0])
    between, higher = (HAND_MADE.interval(scores, confidence) for confidence in (0.6, 0.9))
    assert np.array_equal(between, higher)


def test_past_the_grid_only_the_whole_range_is_sure() -> None:
    lower, upper = HAND_MADE.interval(np.array([1.0, 8.0]), 0.95)
    assert (lower.tolist(), upper.tolist()) == ([0, 0], [1, 1])


@given(st.lists(a_score, min_size=1), a_confidence)
def test_an_interval_contains_the_point_and_lies_within_0_and_1(
    scores: list[float], confidence: float
) -> None:
    lower, upper = FITTED.interval(np.array(scores), confidence)
    point = FITTED.expected_of(np.array(scores))
    assert np.all((lower >= 0) & (lower <= point) & (point <= upper) & (upper <= 1))


@given(a_score, a_confidence, a_confidence)
def test_an_interval_widens_with_the_confidence(score: float, one: float, two: float) -> None:
    lower, upper = FITTED.interval(np.array([score]), min(one, two))
    wider_lower, wider_upper = FITTED.interval(np.array([score]), max(one, two))
    assert wider_lower[0] <= lower[0]
    assert upper[0] <= wider_upper[0]


@given(st.lists(a_score, min_size=2))
def test_probability_never_falls_in_the_score_and_bounds_the_expected_relevance(
    scores: list[float],
) -> None:
    ordered = np.sort(np.array(scores))
    probability = FITTED.probability_of(ordered)
    assert np.all(np.diff(probability) >= 0)
    assert np.all((probability > 0) & (probability <= 1))
    assert np.all(FITTED.expected_of(ordered) <= probability + 1e-12)


def test_a_score_gets_the_same_bits_alone_and_in_a_batch() -> None:
    scores = np.linspace(-6, 3, 4001)
    for row in (0, 17, 2000, 4000):
        alone = scores[row : row + 1]
        assert FITTED.probability_of(alone)[0] == FITTED.probability_of(scores)[row]
        assert FITTED.interval(alone)[1][0] == FITTED.interval(scores)[1][row]


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 7.0])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(UserInputError, match="between 0 and 1"):
        FITTED.interval(np.array([0.0]), confidence)


def test_json_gives_every_bit_back() -> None:
    loaded = Calibration.from_json(FITTED.to_json())
    assert all(
        np.array_equal(getattr(loaded, part.name), getattr(FITTED, part.name))
        for part in fields(Calibration)
    )
    no_edges = replace(FITTED, edges=np.zeros(0))
    assert Calibration.from_json(no_edges.to_json()).edges.shape == (0,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"score": 1}'])
def test_damaged_json_is_named_corrupt(text: str) -> None:
    with pytest.raises(CorruptArtifactError):
        Calibration.from_json(text)


def test_a_calibration_of_an_earlier_release_tells_no_outcome() -> None:
    early = Calibration.from_json(HAND_MADE.to_json())
    assert early.probability_of(np.zeros(1)) == pytest.approx([0.1])
    with pytest.raises(UserInputError, match="before outcomes"):
        early.probability_of_outcome(np.zeros(1), 1.0)
