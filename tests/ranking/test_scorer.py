from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from endcap.errors import CorruptArtifactError, DatasetError
from endcap.features.registry import names
from endcap.ranking.ranker import Ranker, RankerParams, fit_ranker
from endcap.ranking.scorer import TreeScorer
from tests.ranking.tables import learnable_table

WIDTH = len(names())

# Features 0 and 1; the deep tree asks f0 > 1 (bit 0) and f1 > 5 (bit 1), the shallow one f1 > 5.
HAND_MADE = TreeScorer(
    split_feature=np.array([0, 1, 0], dtype=np.int32),
    split_border=np.array([1.0, 5.0, np.inf], dtype=np.float32),
    tree_splits=np.array([[0, 1], [1, 2]], dtype=np.int32),
    leaf_values=np.array([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 0.0, 0.0]]),
    scale=0.5,
    bias=100.0,
    n_features=2,
)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    params = RankerParams(iterations=40, depth=6, border_count=32)
    return fit_ranker(learnable_table(), params, seed=3, threads=1)


def test_scores_of_a_hand_made_model() -> None:
    rows = np.array([[0, 0], [2, 0], [0, 6], [2, 6]], dtype=np.float32)
    expected = [100 + 0.5 * leaf for leaf in (1 + 10, 2 + 10, 3 + 20, 4 + 20)]
    assert HAND_MADE.predict(rows).tolist() == expected


def test_a_border_itself_and_a_missing_value_answer_no_and_infinity_stays_in_bounds() -> None:
    rows = np.array([[1, 5], [np.nan, np.nan], [np.inf, np.inf]], dtype=np.float32)
    assert HAND_MADE.predict(rows).tolist() == [100 + 5.5, 100 + 5.5, 100 + 12]


def test_no_rows_give_no_scores() -> None:
    assert HAND_MADE.predict(np.zeros((0, 2), dtype=np.float32)).shape == (0,)


def test_a_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(DatasetError, match="2 features"):
        HAND_MADE.predict(np.zeros((1, 3), dtype=np.float32))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.just(5)),
        elements=st.floats(-4, 4, width=32) | st.just(np.nan) | st.just(np.inf),
    )
)
def test_scores_equal_catboosts_own(ranker: Ranker, rows: NDArray[np.float32]) -> None:
    rows = rows[:, np.arange(WIDTH) % rows.shape[1]]
    assert np.abs(ranker.scorer.predict(rows) - ranker.predict(rows)).max() < 1e-9


def test_scores_equal_catboosts_own_on_the_borders_themselves(ranker: Ranker) -> None:
    scorer = ranker.scorer
    borders = [scorer.split_border[scorer.split_feature == f] for f in range(WIDTH)]
    rng = np.random.default_rng(1)
    rows = np.stack([rng.choice(np.append(b, np.nan), 2000) for b in borders], axis=1)
    rows = np.concatenate([rows, np.nextafter(rows, np.float32(np.inf))]).astype(np.float32)
    assert np.abs(scorer.predict(rows) - ranker.predict(rows)).max() < 1e-9


def test_a_hundred_thousand_rows_score_as_catboost_scores_them(ranker: Ranker) -> None:
    rng = np.random.default_rng(7)
    rows = rng.normal(0.0, 2.0, (100_000, WIDTH)).astype(np.float32)
    rows[:, 3] = rng.integers(-1, 40, len(rows))  # a category by its code
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[rng.random(rows.shape) < 0.001] = np.inf
    assert np.abs(ranker.scorer.predict(rows) - ranker.predict(rows)).max() < 1e-9


def test_deep_trees_need_more_than_a_byte_and_still_agree() -> None:
    table = learnable_table(groups=20)
    deep = fit_ranker(table, RankerParams(iterations=5, depth=9), seed=1, threads=1)
    assert np.abs(deep.scorer.predict(table.features) - deep.predict(table.features)).max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 1100), st.integers(0, 10))
def test_a_row_scores_the_same_to_the_bit_in_any_batch(
    ranker: Ranker, size: int, seed: int
) -> None:
    rows = np.random.default_rng(seed).normal(size=(size, WIDTH)).astype(np.float32)
    together = ranker.scorer.predict(rows)
    for row in {0, size // 2, size - 1}:
        assert ranker.scorer.predict(rows[row : row + 1])[0] == together[row]


def test_save_and_load_give_the_same_scores(tmp_path: Path, ranker: Ranker) -> None:
    rows = learnable_table().features
    ranker.scorer.save(tmp_path)
    assert np.array_equal(TreeScorer.load(tmp_path).predict(rows), ranker.scorer.predict(rows))


def test_damaged_trees_are_named_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptArtifactError):
        TreeScorer.load(tmp_path)
    HAND_MADE.save(tmp_path)
    (tmp_path / "leaf_values.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(CorruptArtifactError, match="unreadable"):
        TreeScorer.load(tmp_path)
    replace(HAND_MADE, tree_splits=np.array([[0, 9]], dtype=np.int32)).save(tmp_path)
    with pytest.raises(CorruptArtifactError, match="do not fit together"):
        TreeScorer.load(tmp_path)
