import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.features.registry import names
from endcap.ranking.new_items import with_new_items_alone
from endcap.ranking.ranker import QUERY_RMSE, RankerParams, fit_ranker
from endcap.ranking.table import RankingTable
from tests.ranking.tables import learnable_table

SEEN = names().index("seen_events")
OTHER = names().index("als_score")

Row = tuple[int, bool, float]


def table_of(rows: list[Row]) -> RankingTable:
    """Return a table of (group, whether the visitor touched it, relevance), rows numbered."""
    features = np.full((len(rows), len(names())), np.nan, dtype=np.float32)
    features[:, OTHER] = np.arange(len(rows))
    features[[seen for _, seen, _ in rows], SEEN] = 2
    return RankingTable(
        group=np.array([group for group, _, _ in rows], dtype=np.int32),
        features=features,
        relevance=np.array([relevance for _, _, relevance in rows], dtype=np.float32),
        first=np.array([relevance > 1 for _, _, relevance in rows], dtype=bool),
    )


def rows_of(table: RankingTable) -> list[tuple[int, int]]:
    return list(
        zip(table.group.tolist(), table.features[:, OTHER].astype(int).tolist(), strict=True)
    )


def test_a_moment_of_mostly_known_items_comes_again_without_them() -> None:
    mostly_known = [(0, True, 2.0), (0, False, 1.0), (0, True, 1.0), (0, False, 0.0)]
    as_many_new = [(1, True, 1.0), (1, False, 2.0), (1, False, 0.0)]
    nothing_new = [(3, True, 2.0), (3, False, 0.0)]
    table = table_of([*mostly_known, *as_many_new, *nothing_new])

    learned = with_new_items_alone(table)

    assert rows_of(learned) == [*rows_of(table), (4, 1), (4, 3)]
    assert learned.relevance.tolist() == [*table.relevance, 1, 0]
    assert learned.first.tolist() == [*table.first, False, False]
    assert learned.group.dtype == np.int32


def test_a_table_of_no_such_moment_is_returned_as_it_is() -> None:
    for rows in ([], [(0, True, 1.0), (0, False, 1.0)], [(0, True, 1.0), (0, False, 0.0)]):
        table = table_of(rows)
        assert with_new_items_alone(table) is table


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from([0.0, 1.0, 2.0]))).map(
        sorted
    )
)
def test_moments_of_mostly_known_items_and_no_others_come_again_whole(rows: list[Row]) -> None:
    table = table_of(rows)
    groups = max((group for group, _, _ in rows), default=-1) + 1

    expected = []
    for group in range(groups):
        found = [seen for number, seen, relevance in rows if number == group and relevance]
        if 0 < found.count(False) < found.count(True):
            expected += [
                (groups + group, place)
                for place, (number, seen, _) in enumerate(rows)
                if number == group and not seen
            ]

    assert rows_of(with_new_items_alone(table)) == [*rows_of(table), *expected]


@pytest.mark.parametrize("loss", [RankerParams().loss_function, QUERY_RMSE])
def test_every_ranker_learns_from_them(loss: str) -> None:
    table = learnable_table()
    again = with_new_items_alone(table)
    assert len(again) > len(table)
    params = RankerParams(iterations=10, loss_function=loss)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("endcap.ranking.ranker.with_new_items_alone", lambda given: given)
        without, by_hand = (
            fit_ranker(given, params, seed=1, threads=1).scorer for given in (table, again)
        )
    ours = fit_ranker(table, params, seed=1, threads=1).scorer

    assert np.array_equal(ours.leaf_values, by_hand.leaf_values)
    assert not np.array_equal(ours.leaf_values, without.leaf_values)
