from collections.abc import Callable

import numpy as np
import pytest

from endcap.retrieval.sequence_loss import Batch, Parameters, loss_and_gradients, shares_of

STEP = 1e-6


def parameters(seed: int, n_items: int = 7, factors: int = 4) -> Parameters:
    rng = np.random.default_rng(seed)
    return Parameters(
        vectors=rng.normal(size=(n_items, factors)),
        item_bias=rng.normal(size=n_items),
        age_bias=rng.normal(size=3),
    )


def batch() -> Batch:
    """Three moments: of two events on one item, of one event, and of three."""
    return Batch(
        ptr=np.array([0, 2, 3, 6]),
        item=np.array([1, 1, 2, 0, 3, 2]),
        age=np.array([1, 0, 0, 2, 1, 0]),
        weight=np.array([1.0, 2.0, 1.0, 1.0, 3.0, 1.0]),
        target=np.array([1, 4, 5]),
        drawn=np.array([0, 4, 6]),
        log_expected=np.log(np.array([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
    )


@pytest.mark.parametrize(
    "part",
    [lambda p: p.vectors, lambda p: p.item_bias, lambda p: p.age_bias],
    ids=["vectors", "item_bias", "age_bias"],
)
def test_gradients_are_differences_of_the_loss(
    part: Callable[[Parameters], np.ndarray],
) -> None:
    given = parameters(0)
    _, gradient = loss_and_gradients(given, batch(), temperature=0.5)
    values, expected = part(given), np.zeros_like(part(given))
    for place in np.ndindex(values.shape):
        kept = values[place]
        sides = []
        for step in (STEP, -STEP):
            values[place] = kept + step
            sides.append(loss_and_gradients(given, batch(), temperature=0.5)[0])
        values[place] = kept
        expected[place] = (sides[0] - sides[1]) / (2 * STEP)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(part(gradient), expected, atol=1e-7)


def test_the_loss_is_the_cross_entropy_of_what_came_next_among_the_drawn() -> None:
    vectors = np.array([[2.0, 0.0], [0.0, 0.5], [3.0, 3.0]])
    one = Batch(
        ptr=np.array([0, 1]),
        item=np.array([0]),
        age=np.array([0]),
        weight=np.ones(1),
        target=np.array([2]),
        drawn=np.array([1]),
        log_expected=np.log(np.array([1.0, 0.5, 0.25])),
    )
    loss, _ = loss_and_gradients(
        Parameters(vectors, np.zeros(3), np.zeros(1)), one, temperature=0.5
    )
    target = np.exp(np.sqrt(0.5) / 0.5) / 0.25
    drawn = np.exp(0.0) / 0.5
    assert loss == pytest.approx(-np.log(target / (target + drawn)))


def test_what_came_next_does_not_count_as_drawn() -> None:
    one, two = (
        Batch(
            ptr=np.array([0, 1]),
            item=np.array([0]),
            age=np.array([0]),
            weight=np.ones(1),
            target=np.array([2]),
            drawn=np.array(drawn),
            log_expected=np.zeros(7),
        )
        for drawn in ([1], [1, 2])
    )
    given = parameters(1)
    assert loss_and_gradients(given, one, temperature=0.1)[0] == pytest.approx(
        loss_and_gradients(given, two, temperature=0.1)[0]
    )


def test_float32_stays_float32() -> None:
    given = parameters(2)
    narrow = Parameters(
        *(part.astype(np.float32) for part in (given.vectors, given.item_bias, given.age_bias))
    )
    plain = batch()
    as_float32 = Batch(
        plain.ptr,
        plain.item,
        plain.age,
        plain.weight.astype(np.float32),
        plain.target,
        plain.drawn,
        plain.log_expected.astype(np.float32),
    )
    loss, gradient = loss_and_gradients(narrow, as_float32, temperature=0.5)
    wide, _ = loss_and_gradients(given, plain, temperature=0.5)
    assert loss == pytest.approx(wide, abs=1e-5)
    assert {gradient.vectors.dtype, gradient.item_bias.dtype, gradient.age_bias.dtype} == {
        np.dtype(np.float32)
    }


def test_a_large_bias_takes_all_the_weight() -> None:
    given = parameters(3)
    given.item_bias[3] = 1e4
    narrow = Parameters(
        *(part.astype(np.float32) for part in (given.vectors, given.item_bias, given.age_bias))
    )
    loss, gradient = loss_and_gradients(narrow, batch(), temperature=0.5)
    assert np.isfinite(loss)
    assert np.isfinite(gradient.vectors).all()
    assert shares_of(narrow, batch()).toarray()[2, 3] == 1


def test_opposite_vectors_of_equal_weight_point_nowhere() -> None:
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    both = Batch(
        ptr=np.array([0, 2]),
        item=np.array([0, 1]),
        age=np.array([0, 0]),
        weight=np.ones(2),
        target=np.array([2]),
        drawn=np.array([0]),
        log_expected=np.zeros(3),
    )
    loss, gradient = loss_and_gradients(
        Parameters(vectors, np.zeros(3), np.zeros(1)), both, temperature=0.5
    )
    assert loss == pytest.approx(np.log(2))
    assert np.isfinite(gradient.vectors).all()
