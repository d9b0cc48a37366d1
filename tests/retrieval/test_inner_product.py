import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from endcap.retrieval import inner_product
from endcap.retrieval.inner_product import largest_inner_products
from endcap.retrieval.source import Proposals


def largest(vectors: np.ndarray, items: np.ndarray, k: int) -> Proposals:
    return largest_inner_products(
        vectors.astype(np.float32),
        items.astype(np.float32),
        k=k,
        largest_norm=float(np.linalg.norm(items, axis=1).max(initial=0.0)),
    )


def test_equal_items_tie_by_code() -> None:
    items = np.tile([[0.1, 0.7, 0.3]], (5000, 1))
    assert largest(np.array([[0.3, 0.1, 0.9]]), items, 3).item.tolist() == [0, 1, 2]


def test_products_that_are_not_positive_are_left_out() -> None:
    items = np.array([[1.0], [-1.0], [0.0], [2.0]])
    assert largest(np.array([[1.0], [0.0]]), items, 4).ptr.tolist() == [0, 2, 2]


def test_no_items_or_no_vectors_give_nothing() -> None:
    assert largest(np.ones((2, 3)), np.ones((0, 3)), 4).ptr.tolist() == [0, 0, 0]
    assert largest(np.ones((0, 3)), np.ones((4, 3)), 4).ptr.tolist() == [0]


@pytest.mark.parametrize(("n_items", "k"), [(3, 10), (1023, 100), (1025, 100), (5000, 37)])
def test_the_screen_loses_none_of_the_best(n_items: int, k: int) -> None:
    rng = np.random.default_rng(n_items)
    # Items in near-copies: products differ in the last bits only.
    items = np.repeat(rng.standard_normal((-(-n_items // 3), 16)), 3, axis=0)[:n_items]
    items = (items + 1e-7 * rng.standard_normal(items.shape)).astype(np.float32)
    vectors = rng.standard_normal((20, 16)).astype(np.float32)
    exact = np.einsum("qf,mf->qm", vectors.astype(np.float64), items.astype(np.float64))
    proposals = largest(vectors, items, k)
    for row in range(20):
        score = np.sort(exact[row].astype(np.float32))[::-1][:k]
        expected = score[score > 0]
        assert proposals.score[proposals.ptr[row] : proposals.ptr[row + 1]].tolist() == (
            expected.tolist()
        )


def test_chunks_and_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    items, vectors = rng.standard_normal((30_000, 64)), rng.standard_normal((50, 64))
    results = []
    for scores_at_once, threads in ((1 << 24, 2), (1 << 17, 1), (1, 2)):
        monkeypatch.setattr(inner_product, "SCORES_AT_ONCE", scores_at_once)
        with threadpool_limits(threads, "blas"):
            results.append(largest(vectors, items, 100))
    for other in results[1:]:
        assert other.item.tobytes() == results[0].item.tobytes()
        assert other.score.tobytes() == results[0].score.tobytes()
