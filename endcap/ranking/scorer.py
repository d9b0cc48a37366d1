"""Scores from oblivious trees with numpy alone: what serving loads instead of CatBoost.

An oblivious tree asks the same question at every node of a level, so a row's leaf is the number
whose bit j is the answer to question j. Each distinct question (feature, border) is asked once for
all rows; a tree then only gathers answers.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import load_arrays, save_arrays
from endcap.errors import CorruptArtifactError, DatasetError

BLOCK_ROWS = 512
"""Rows scored at once: the answers of one block stay in the processor's cache."""
_ARRAYS = ("split_feature", "split_border", "tree_splits", "leaf_values")


@dataclass(frozen=True, eq=False, repr=False)
class TreeScorer:
    """A sum of oblivious trees: ``scale * sum(leaf values) + bias``.

    Question s is ``features[:, split_feature[s]] > split_border[s]`` (int32 and float32, (u,));
    a missing value answers no. Tree t asks ``tree_splits[t]`` (int32 (t, d)) and holds
    ``leaf_values[t]`` (float64 (t, 2**d)). A shallower tree is padded with a question that is
    always answered no: border infinity. `n_features` is the width of the matrix it was fitted on.
    """

    split_feature: NDArray[np.int32]
    split_border: NDArray[np.float32]
    tree_splits: NDArray[np.int32]
    leaf_values: NDArray[np.float64]
    scale: float
    bias: float
    n_features: int

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the score of each row, float64 (r,); bit for bit the same in any batch.

        `features`: float32 (r, `n_features`), missing is NaN. Raises `DatasetError` for another
        width.
        """
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise DatasetError(
                f"the ranker was fitted on {self.n_features} features, not on a matrix of shape "
                f"{features.shape}"
            )
        scores = np.empty(len(features), dtype=np.float64)
        for start in range(0, len(features), BLOCK_ROWS):
            block = features[start : start + BLOCK_ROWS]
            # numpy adds a single column pairwise but several columns one by one: one row alone
            # would differ in the last bit from the same row in a batch, so it gets a companion.
            if len(block) == 1:
                scores[start] = self._sums(np.repeat(block, 2, axis=0))[0]
            else:
                scores[start : start + BLOCK_ROWS] = self._sums(block)
        return self.scale * scores + self.bias

    def _sums(self, block: NDArray[np.float32]) -> NDArray[np.float64]:
        by_feature = np.ascontiguousarray(block.T, dtype=np.float32)
        asked = by_feature.take(self.split_feature, axis=0)
        answers = (asked > self.split_border[:, np.newaxis]).view(np.uint8)
        trees, depth = self.tree_splits.shape
        leaf = np.zeros((trees, len(block)), dtype=np.uint8 if depth <= 8 else np.uint16)
        bit = np.empty((trees, len(block)), dtype=np.uint8)
        # The last question's answer is the highest bit. Doubling is quicker than shifting.
        for question in self._questions:
            answers.take(question, axis=0, out=bit, mode="clip")
            leaf += leaf
            leaf |= bit
        index = leaf.astype(np.intp)
        index += (np.arange(trees, dtype=np.intp) << depth)[:, np.newaxis]
        values: NDArray[np.float64] = self.leaf_values.ravel().take(index, mode="clip")
        sums: NDArray[np.float64] = values.sum(axis=0)
        return sums

    @cached_property
    def _questions(self) -> list[NDArray[np.intp]]:
        """What each tree asks, level by level from the last, intp (t,) each."""
        return [np.array(level, dtype=np.intp) for level in self.tree_splits.T[::-1]]

    def save(self, folder: Path) -> None:
        """Write the arrays as .npy files and ``trees.json`` into `folder`, made if absent."""
        save_arrays(folder, {name: getattr(self, name) for name in _ARRAYS})
        facts = {"bias": self.bias, "n_features": self.n_features, "scale": self.scale}
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        (folder / "trees.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises `CorruptArtifactError` if it cannot be a model."""
        try:
            facts = json.loads((folder / "trees.json").read_text(encoding="utf-8"))
            arrays = load_arrays(folder, _ARRAYS)
            scorer = cls(
                **arrays,
                scale=float(facts["scale"]),
                bias=float(facts["bias"]),
                n_features=int(facts["n_features"]),
            )
        except (OSError, ValueError, KeyError, EOFError) as exc:
            raise CorruptArtifactError(f"{folder.name}: the ranker's trees are unreadable") from exc
        scorer.check()
        return scorer

    def check(self) -> None:
        """Raise `CorruptArtifactError` if a tree asks a question or a feature that is not there."""
        trees, depth = self.tree_splits.shape
        sound = (
            self.leaf_values.shape == (trees, 1 << depth)
            and self.split_feature.shape == self.split_border.shape
            and _within(self.split_feature, self.n_features)
            and _within(self.tree_splits, len(self.split_feature))
        )
        if not sound:
            raise CorruptArtifactError("the arrays of the ranker's trees do not fit together")


def _within(codes: NDArray[np.int32], stop: int) -> bool:
    return bool(codes.min(initial=0) >= 0 and codes.max(initial=-1) < stop)
