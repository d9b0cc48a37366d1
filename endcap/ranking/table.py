"""The ranking table: what retrieval proposed at past moments, and what was interacted with then.

What the ranker learns to put first (`RankingTable.target`) is

    target = relevance / max(relevance) + next_item_bonus * first

Relevance is the weight of the strongest event within the horizon, so a bought item beats a viewed
one; `first` marks what came next, which the headline metrics (hit rate and reciprocal
rank of the next item) look for. With a bonus above 1 the next item outweighs any later one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import load_arrays, save_arrays
from endcap.dataset.queries import Queries
from endcap.errors import DatasetError, NotEnoughDataError
from endcap.retrieval.union import Candidates


@dataclass(frozen=True)
class CandidateLabels:
    """For each candidate row: `relevance` float32 (m,), 0 if missed; `first` bool (m,)."""

    relevance: NDArray[np.float32]
    first: NDArray[np.bool_]


@dataclass(frozen=True)
class RankingTable:
    """r rows in groups, one group a query, oldest query first.

    `group` int32 (r,), non-decreasing; `features` float32 (r, f), missing is NaN; `relevance`
    float32 (r,); `first` bool (r,): did it come next.
    """

    group: NDArray[np.int32]
    features: NDArray[np.float32]
    relevance: NDArray[np.float32]
    first: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Raise `DatasetError` unless all columns have one length and groups are in order."""
        lengths = {len(getattr(self, column.name)) for column in fields(self)}
        if len(lengths) != 1 or self.features.ndim != 2:
            raise DatasetError("a ranking table needs columns of one length and a feature matrix")
        if np.any(np.diff(self.group) < 0):
            raise DatasetError("the groups of a ranking table must be in order")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.group)

    def target(self, next_item_bonus: float) -> NDArray[np.float32]:
        """Return what the ranker learns, float32 (r,): 0 for a miss, see the module's formula."""
        highest = self.relevance.max(initial=0.0) or np.float32(1.0)
        target = self.relevance / highest + np.float32(next_item_bonus) * self.first
        return target.astype(np.float32, copy=False)

    def take(self, rows: "NDArray[np.integer[Any]] | slice") -> "RankingTable":
        """Return these rows, which must keep the groups in order."""
        return RankingTable(*(getattr(self, column.name)[rows] for column in fields(self)))

    def split(self, newest_share: float) -> tuple["RankingTable", "RankingTable"]:
        """Return the older groups, and the newest `newest_share` of them (at least one)."""
        groups = np.unique(self.group)
        if len(groups) < 2:
            raise NotEnoughDataError("a ranking table needs two groups to validate one of them")
        newest = min(len(groups) - 1, max(1, round(newest_share * len(groups))))
        row = int(np.searchsorted(self.group, groups[-newest]))
        return self.take(slice(None, row)), self.take(slice(row, None))

    def before(self, group: int) -> "RankingTable":
        """Return the rows of the groups with lower numbers than `group`."""
        return self.take(slice(None, int(np.searchsorted(self.group, group))))

    def save(self, folder: Path) -> None:
        """Write each column as ``<column>.npy`` into `folder`, which is made if absent."""
        save_arrays(folder, {column.name: getattr(self, column.name) for column in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, memory-mapped."""
        return cls(**load_arrays(folder, [part.name for part in fields(cls)], memory_map=True))


def label_candidates(queries: Queries, candidates: Candidates) -> CandidateLabels:
    """Return the label of every candidate row; a candidate nobody touched gets 0 and False."""
    query = candidates.rows()
    label_query = np.repeat(np.arange(len(queries), dtype=np.int64), np.diff(queries.label_ptr))
    stride = np.int64(1 + max(candidates.item.max(initial=0), queries.label_item.max(initial=0)))
    known = label_query * stride + queries.label_item
    order = np.argsort(known, kind="stable")
    wanted = query * stride + candidates.item
    relevance = np.zeros(len(wanted), dtype=np.float32)
    first = np.zeros(len(wanted), dtype=bool)
    if len(order):
        at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(order) - 1)]
        found = known[at] == wanted
        relevance[found] = queries.label_relevance[at[found]]
        first[found] = queries.label_first[at[found]]
    return CandidateLabels(relevance, first)


def sample_candidates(
    queries: Queries,
    candidates: Candidates,
    *,
    negatives_per_query: int,
    rng: np.random.Generator,
) -> Candidates:
    """Return the candidates worth training on, so that features are computed for these alone.

    Queries with a retrieved positive keep all positives and `negatives_per_query` random negatives;
    the others, which teach no order, are left with no candidate.
    """
    relevance = label_candidates(queries, candidates).relevance
    rows = _training_rows(candidates, relevance, negatives_per_query, rng)
    counts = np.bincount(candidates.rows()[rows], minlength=len(queries))
    ptr = np.zeros(len(queries) + 1, dtype=np.int64)
    np.cumsum(counts, out=ptr[1:])
    return candidates.only(rows, ptr)


def build_table(
    queries: Queries,
    candidates: Candidates,
    features: NDArray[np.float32],
    *,
    negatives_per_query: int,
    rng: np.random.Generator,
) -> RankingTable:
    """Return the ranking table of these queries.

    Parameters
    ----------
    queries
        Moments with labels, oldest first; a query's position becomes its group.
    candidates
        What retrieval proposed for each query; `sample_candidates` may have thinned it already.
    features
        float32 (m, f), one row a candidate.
    negatives_per_query
        Candidates without interaction kept for each query, drawn at random.
    rng
        Draws the negatives.

    Returns
    -------
    RankingTable
        All retrieved positives and the sampled negatives, in the order of the candidates. Queries
        without a retrieved positive teach no order and are left out. May be empty.
    """
    if len(features) != len(candidates.item):
        raise DatasetError(
            f"{len(features)} feature rows do not fit {len(candidates.item)} candidates"
        )
    labels = label_candidates(queries, candidates)
    rows = _training_rows(candidates, labels.relevance, negatives_per_query, rng)
    return RankingTable(
        group=candidates.rows()[rows].astype(np.int32),
        features=features[rows],
        relevance=labels.relevance[rows],
        first=labels.first[rows],
    )


def concat_tables(tables: Sequence[RankingTable], queries: Sequence[int]) -> RankingTable:
    """Return the rows of all tables, oldest table first, each group as its query is numbered.

    `queries`: how many each table was made of, those counted that left no group. Raises
    `NotEnoughDataError` if no table is given.
    """
    if not tables:
        raise NotEnoughDataError("there is no ranking table to put together")
    offsets = np.cumsum([0, *queries[:-1]]).astype(np.int32)
    groups = [table.group + offset for table, offset in zip(tables, offsets, strict=True)]
    return RankingTable(
        group=np.concatenate(groups),
        features=np.concatenate([table.features for table in tables]),
        relevance=np.concatenate([table.relevance for table in tables]),
        first=np.concatenate([table.first for table in tables]),
    )


def _training_rows(
    candidates: Candidates,
    relevance: NDArray[np.float32],
    negatives_per_query: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the rows to keep, ascending."""
    query = candidates.rows()
    positive = relevance > 0
    positives = np.bincount(query[positive], minlength=len(candidates))
    # Positives draw -1, so they stand before every negative of their query.
    draw = np.where(positive, -1.0, rng.random(len(query)))
    order = np.lexsort((draw, query))
    place = np.arange(len(query)) - candidates.ptr[query]
    kept = (place < positives[query] + negatives_per_query) & (positives[query] > 0)
    return np.sort(order[kept])
