import numpy as np
from numpy.typing import NDArray

from endcap.retrieval.likeness import EVENTS, LIKENESS, likeness_of

VECTORS = np.array([[1, 0], [0, 2], [3, 3], [0, 0]], dtype=np.float32)


def _likeness(touched: list[list[int]], items: list[list[int]]) -> NDArray[np.float32]:
    return likeness_of(
        VECTORS,
        np.array([row for visitor in touched for row in visitor], dtype=np.int32),
        np.cumsum([0, *map(len, touched)]),
        np.array([row for visitor in items for row in visitor], dtype=np.int32),
        np.cumsum([0, *map(len, items)]),
    )


def test_an_item_is_held_to_single_ones() -> None:
    found = _likeness([[2, 0, 1]], [[0, 2]])
    half = np.sqrt(0.5)
    # The three unit vectors add up to (1, 1) times something: the mean has item 2's direction.
    expected = [[0, 1, 1, half], [half, half, 1, 1]]
    assert LIKENESS == ("newest", "second", "nearest", "mean")
    assert np.allclose(found, expected, atol=1e-3)


def test_what_is_not_there_is_missing_or_zero() -> None:
    found = _likeness([[], [1], [3]], [[0, 1], [1, 3], [0]])
    assert np.isnan(found[:2]).all()
    assert np.allclose(found[2:4], [[1, np.nan, 1, 1], [0, np.nan, 0, 0]], equal_nan=True)
    assert np.array_equal(found[4], np.array([0, np.nan, 0, 0]), equal_nan=True)


def test_cosines_are_those_of_numpy_and_do_not_depend_on_the_batch() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((60, 128)).astype(np.float32)
    touched, items = rng.integers(0, 60, EVENTS, dtype=np.int32), np.arange(60, dtype=np.int32)
    ends = np.array([0, len(touched)])
    found = likeness_of(vectors, touched, ends, items, np.array([0, 60]))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit[touched].T
    mean = unit[touched].mean(axis=0)
    expected = np.column_stack(
        [cosine[:, -1], cosine[:, -2], cosine.max(axis=1), unit @ (mean / np.linalg.norm(mean))]
    )
    assert np.abs(found - expected).max() < 1e-3
    for row in range(60):
        alone = likeness_of(vectors, touched, ends, items[[row]], np.array([0, 1]))
        assert alone.tobytes() == found[row].tobytes()


def test_sums_of_products_fit_float32_exactly() -> None:
    vectors = np.random.default_rng(2).standard_normal((200, 1024)).astype(np.float32)
    vectors[100:] = vectors[:100]  # the largest sums there are
    touched, items = np.array([7], dtype=np.int32), np.arange(200, dtype=np.int32)
    found = likeness_of(vectors, touched, np.array([0, 1]), items, np.array([0, 200]))
    length = np.sqrt(np.einsum("vd,vd->v", vectors, vectors))
    whole = np.rint(vectors * (np.float32(4000) / length)[:, None]).astype(np.int64)
    exact = (whole @ whole[7]).astype(np.float32) * np.float32(1 / 4000**2)
    assert found[:, 0].tobytes() == exact.tobytes()
    assert found[107, 0] == found[7, 0] > 0.999
