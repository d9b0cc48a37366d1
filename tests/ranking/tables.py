"""Ranking tables with a known order, for the tests of this room."""

import numpy as np

from endcap.features.registry import names
from endcap.ranking.table import RankingTable


def learnable_table(*, groups: int = 80, rows: int = 20, seed: int = 0) -> RankingTable:
    """Return a table whose first two features decide what is interacted with; 10 % are missing.

    Half of the rows are of items that the visitor has touched.
    """
    rng = np.random.default_rng(seed)
    shape = (groups * rows, len(names()))
    matrix = rng.normal(size=shape).astype(np.float32)
    worth = matrix[:, 0] + 2 * matrix[:, 1] + rng.normal(scale=0.5, size=len(matrix))
    matrix[rng.random(shape) < 0.1] = np.nan
    worth = worth.reshape(groups, rows)
    place = (-worth).argsort(axis=1).argsort(axis=1)
    return RankingTable(
        group=np.repeat(np.arange(groups, dtype=np.int32), rows),
        features=matrix,
        relevance=np.where(place < 3, 3 - place, 0).astype(np.float32).ravel(),
        first=(place == 0).ravel(),
    )
