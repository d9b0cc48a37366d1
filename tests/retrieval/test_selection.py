import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.retrieval.selection import FEW, best_first, sum_by_item

SCORES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.dictionaries(st.integers(0, 2**31 - 1), SCORES, max_size=6), max_size=12),
    st.integers(1, 4),
)
def test_best_first_equals_sorting_each_row(rows: list[dict[int, float]], k: int) -> None:
    row = np.repeat(np.arange(len(rows)), [len(pairs) for pairs in rows]).astype(np.int64)
    item = np.array([i for pairs in rows for i in pairs], dtype=np.int32)
    score = np.array([s for pairs in rows for s in pairs.values()], dtype=np.float32)
    best = best_first(row, item, score, n_rows=len(rows), k=k)
    expected = [
        sorted(((-np.float32(s), i) for i, s in pairs.items()), key=lambda pair: pair)[:k]
        for pairs in rows
    ]
    assert np.diff(best.ptr).tolist() == [len(pairs) for pairs in expected]
    assert best.item.tolist() == [i for pairs in expected for _, i in pairs]
    assert best.score.tolist() == [float(-s) for pairs in expected for s, _ in pairs]


def test_best_first_with_more_rows_than_fit_into_one_sort() -> None:
    n = 5000
    item = np.full(n, 2**30, dtype=np.int32)
    best = best_first(np.arange(n), item, np.ones(n, np.float32), n_rows=n + 3, k=2)
    assert np.diff(best.ptr).tolist() == [1] * n + [0] * 3


@pytest.mark.parametrize("n", [3, FEW, FEW + 1])
def test_one_row_alone_is_sorted_like_a_row_of_a_batch(n: int) -> None:
    rng = np.random.default_rng(n)
    item = rng.permutation(n).astype(np.int32)
    score = rng.choice(np.array([-1.5, -0.0, 0.0, 2.0], dtype=np.float32), n)
    alone = best_first(np.zeros(n, np.int64), item, score, n_rows=1, k=n - 1)
    batch = best_first(np.zeros(n, np.int64), item, score, n_rows=2, k=n - 1)
    assert alone.item.tolist() == batch.item.tolist()
    assert alone.score.tobytes() == batch.score.tobytes()


def test_sum_by_item_adds_repeats_within_a_row_only() -> None:
    row, item, total = sum_by_item(
        np.array([0, 0, 0, 1]),
        np.array([5, 2, 5, 5], dtype=np.int32),
        np.array([1.0, 2.0, 4.0, 8.0]),
        n_items=6,
    )
    assert row.tolist() == [0, 0, 1]
    assert item.tolist() == [2, 5, 5]
    assert total.tolist() == [2.0, 1.0 + 4.0, 8.0]


def test_sum_by_item_refuses_what_would_overflow() -> None:
    with pytest.raises(OverflowError, match="fewer visitors"):
        sum_by_item(
            np.array([2**60]), np.array([0], dtype=np.int32), np.array([1.0]), n_items=2**31 - 1
        )
