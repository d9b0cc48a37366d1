from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.histories import Histories
from endcap.dataset.queries import Queries
from endcap.errors import DatasetError, NotEnoughDataError
from endcap.ranking.table import (
    RankingTable,
    build_table,
    concat_tables,
    label_candidates,
    sample_candidates,
)
from endcap.retrieval.union import SOURCES, Candidates


def queries_of(labels: list[list[tuple[int, float, bool]]]) -> Queries:
    """Return queries with empty histories and these (item, relevance, first) labels."""
    n, flat = len(labels), [label for query in labels for label in query]
    nothing = np.zeros(0, dtype=np.int64)
    return Queries(
        histories=Histories(
            ptr=np.zeros(n + 1, dtype=np.int64),
            item=nothing.astype(np.int32),
            event_type=nothing.astype(np.int8),
            time_ms=nothing,
            now_ms=np.arange(n, dtype=np.int64),
        ),
        user=np.arange(n, dtype=np.int32),
        time_ms=np.arange(n, dtype=np.int64),
        label_ptr=np.cumsum([0, *map(len, labels)]),
        label_item=np.array([item for item, _, _ in flat], dtype=np.int32),
        label_relevance=np.array([gain for _, gain, _ in flat], dtype=np.float32),
        label_first=np.array([first for _, _, first in flat], dtype=bool),
    )


def candidates_of(items: list[list[int]]) -> Candidates:
    flat = np.array([item for query in items for item in query], dtype=np.int32)
    columns = np.ones((len(flat), len(SOURCES)), dtype=np.float32)
    ptr = np.cumsum([0, *map(len, items)])
    return Candidates.unlikened(ptr, flat, columns, columns)


QUERIES = queries_of([[(3, 1.0, True), (7, 3.0, False)], [(99, 2.0, True)], [(1, 1.0, True)]])
CANDIDATES = candidates_of([[2, 3, 5, 7], [1, 3, 4], [0, 1]])
FEATURES = np.arange(18, dtype=np.float32).reshape(9, 2)


def test_labels_mark_the_items_interacted_with_and_the_next_one() -> None:
    labels = label_candidates(QUERIES, CANDIDATES)
    assert labels.relevance.tolist() == [0, 1, 0, 3, 0, 0, 0, 0, 1]
    assert labels.first.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 1]


def test_labels_of_queries_without_labels_or_candidates_are_misses() -> None:
    labels = label_candidates(queries_of([[], []]), candidates_of([[4], []]))
    assert labels.relevance.tolist() == [0]
    assert label_candidates(queries_of([]), candidates_of([])).relevance.tolist() == []


def test_a_table_keeps_all_positives_and_leaves_out_queries_whose_positive_was_missed() -> None:
    table = build_table(
        QUERIES, CANDIDATES, FEATURES, negatives_per_query=0, rng=np.random.default_rng(0)
    )
    assert table.group.tolist() == [0, 0, 2]
    assert table.features.tolist() == [[2, 3], [6, 7], [16, 17]]
    assert table.relevance.tolist() == [1, 3, 1]


def test_features_that_do_not_fit_the_candidates_are_refused() -> None:
    with pytest.raises(DatasetError, match="8 feature rows do not fit 9 candidates"):
        build_table(
            QUERIES, CANDIDATES, FEATURES[:8], negatives_per_query=1, rng=np.random.default_rng(0)
        )


@given(st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_negatives_are_as_many_as_asked_for_and_seeded(negatives: int, seed: int) -> None:
    first, again = (
        build_table(
            QUERIES,
            CANDIDATES,
            FEATURES,
            negatives_per_query=negatives,
            rng=np.random.default_rng(seed),
        )
        for _ in range(2)
    )
    counts = np.bincount(first.group[first.relevance == 0], minlength=3)
    assert counts.tolist() == [min(negatives, 2), 0, min(negatives, 1)]
    assert np.array_equal(first.features, again.features)


def test_sampling_before_the_features_gives_the_same_table_as_after() -> None:
    kept = sample_candidates(
        QUERIES, CANDIDATES, negatives_per_query=1, rng=np.random.default_rng(5)
    )
    whole = build_table(
        QUERIES, CANDIDATES, FEATURES, negatives_per_query=1, rng=np.random.default_rng(5)
    )
    assert np.diff(kept.ptr).tolist() == [3, 0, 2]
    rows = [list(FEATURES[:, 0]).index(value) for value in whole.features[:, 0]]
    assert CANDIDATES.item[rows].tolist() == kept.item.tolist()


def test_target_is_relevance_over_the_highest_plus_the_bonus_of_the_next_item() -> None:
    table = build_table(
        QUERIES, CANDIDATES, FEATURES, negatives_per_query=9, rng=np.random.default_rng(0)
    )
    assert table.target(2.0) == pytest.approx([0, 1 / 3 + 2, 0, 3 / 3, 0, 1 / 3 + 2])


def test_split_takes_the_newest_groups_whole() -> None:
    table = RankingTable(
        group=np.array([0, 0, 1, 4, 4, 5, 5], dtype=np.int32),
        features=np.zeros((7, 1), dtype=np.float32),
        relevance=np.zeros(7, dtype=np.float32),
        first=np.zeros(7, dtype=bool),
    )
    older, newest = table.split(0.5)
    assert (older.group.tolist(), newest.group.tolist()) == ([0, 0, 1], [4, 4, 5, 5])
    assert [len(table.before(group)) for group in (0, 1, 2, 5, 9)] == [0, 2, 3, 5, 7]
    with pytest.raises(NotEnoughDataError):
        older.split(0.5)[0].split(0.5)


def test_concat_numbers_groups_as_the_queries_of_all_tables_are() -> None:
    table = build_table(
        QUERIES, CANDIDATES, FEATURES, negatives_per_query=0, rng=np.random.default_rng(0)
    )
    empty = RankingTable(
        group=table.group[:0],
        features=table.features[:0],
        relevance=table.relevance[:0],
        first=table.first[:0],
    )
    assert concat_tables([table, empty, table], [3, 2, 3]).group.tolist() == [0, 0, 2, 5, 5, 7]
    with pytest.raises(NotEnoughDataError):
        concat_tables([], [])


@pytest.mark.parametrize("negatives", [0, 3])
def test_save_and_load_give_the_table_back_even_an_empty_one(
    tmp_path: Path, negatives: int
) -> None:
    for number, queries in enumerate((QUERIES, queries_of([[], [], []]))):
        table = build_table(
            queries,
            CANDIDATES,
            FEATURES,
            negatives_per_query=negatives,
            rng=np.random.default_rng(0),
        )
        table.save(tmp_path / str(number))
        loaded = RankingTable.load(tmp_path / str(number))
        assert np.array_equal(loaded.features, table.features)
        assert loaded.group.tolist() == table.group.tolist()
        assert loaded.first.tolist() == table.first.tolist()


def test_groups_out_of_order_are_refused() -> None:
    with pytest.raises(DatasetError, match="in order"):
        RankingTable(
            group=np.array([1, 0], dtype=np.int32),
            features=np.zeros((2, 1), dtype=np.float32),
            relevance=np.zeros(2, dtype=np.float32),
            first=np.zeros(2, dtype=bool),
        )
