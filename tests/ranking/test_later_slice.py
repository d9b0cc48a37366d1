import numpy as np
import pytest

from endcap.ranking.later_slice import NextItem, place_of_next
from endcap.ranking.table import label_candidates
from tests.ranking.test_table import candidates_of, queries_of


def test_the_place_of_the_next_item_counts_from_one_and_a_miss_is_at_no_place() -> None:
    queries = queries_of([[(4, 1.0, True), (5, 3.0, False)], [(9, 1.0, True)], [(2, 1.0, True)]])
    candidates = candidates_of([[3, 4, 5], [1, 2], [2]])
    first = label_candidates(queries, candidates).first

    place = place_of_next(candidates, first, np.array([0.5, 0.1, 0.9, 1.0, 2.0, -1.0]))

    assert place.tolist() == [3.0, np.inf, 1.0]


def test_ties_go_by_item_code() -> None:
    candidates = candidates_of([[3, 4, 5]])
    for item, place in ((3, 1.0), (4, 2.0), (5, 3.0)):
        first = candidates.item == item
        assert place_of_next(candidates, first, np.zeros(3)).tolist() == [place]


def test_nothing_past_the_twentieth_place_counts() -> None:
    found = NextItem(np.array([1.0, 3.0, 20.0, 21.0, np.inf]))

    assert found.hits().tolist() == [1, 1, 1, 0, 0]
    assert found.reciprocal() == pytest.approx([1, 1 / 3, 1 / 20, 0, 0])
    assert found.ndcg() == pytest.approx([1, 1 / np.log2(4), 1 / np.log2(21), 0, 0])
