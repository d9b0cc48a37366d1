from dataclasses import dataclass

import numpy as np

from endcap.dataset.histories import Histories
from endcap.evaluation.baselines import recommend_baselines
from endcap.retrieval.source import Proposals
from tests.evaluation.slices_of_traffic import Moment, queries_of

HISTORIES = queries_of(Moment([1], []), Moment([2, 3], [])).histories


@dataclass(frozen=True)
class Fixed:
    """Proposes the same items to everybody."""

    items: list[int]

    def propose(self, histories: Histories, k: int) -> Proposals:
        width, n = min(k, len(self.items)), len(histories)
        return Proposals(
            ptr=np.arange(n + 1, dtype=np.int64) * width,
            item=np.tile(np.array(self.items[:width], dtype=np.int32), n),
            score=np.ones(width * n, dtype=np.float32),
        )


def test_each_source_alone_is_a_baseline_in_the_order_of_the_scoreboard() -> None:
    sources = {
        "als": Fixed([1, 2, 3]),
        "own": Fixed([]),
        "popularity": Fixed([4]),
        "new": Fixed([]),
    }
    lists = recommend_baselines(sources, HISTORIES, width=2, item_knn=Fixed([9]))
    assert list(lists) == ["popularity", "own_items", "als", "new", "item_knn"]
    assert lists["als"].items.tolist() == [[1, 2], [1, 2]]


def test_a_short_list_is_not_filled_up() -> None:
    lists = recommend_baselines({"popularity": Fixed([4])}, HISTORIES, width=3)
    assert lists["popularity"].items.tolist() == [[4, -1, -1], [4, -1, -1]]
