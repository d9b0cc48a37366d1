import math

import numpy as np
import pytest

from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog, from_events
from endcap.errors import DatasetError
from endcap.evaluation.item_knn import ItemKnn, ItemKnnParams
from tests.evaluation.slices_of_traffic import Moment, queries_of

CUT = 1_000


def log_of(baskets: list[list[int]], *, n_items: int) -> InteractionLog:
    user = [u for u, basket in enumerate(baskets) for _ in basket]
    item = [i for basket in baskets for i in basket]
    return from_events(
        np.array(user, dtype=np.int32),
        np.array(item, dtype=np.int32),
        np.zeros(len(item), dtype=np.int8),
        np.arange(len(item), dtype=np.int64),
        n_users=len(baskets),
        n_items=n_items,
    )


def history(*items: int) -> Histories:
    return queries_of(Moment(list(items), [])).histories


def slow_similarity(
    baskets: list[list[int]], n_items: int, params: ItemKnnParams
) -> list[list[float]]:
    """Return all similarities by the formula, one pair at a time."""
    events = [sum(basket.count(i) for basket in baskets) for i in range(n_items)]
    mean = sum(events) / sum(1 for count in events if count)
    k1, b = params.saturation, params.length_weight

    def weight(basket: list[int], item: int) -> float:
        count = basket.count(item)
        length = 1 - b + b * events[item] / mean
        idf = math.log(1 + n_items / len(set(basket)))
        return count * (k1 + 1) / (count + k1 * length) * idf

    columns = [[weight(basket, i) for basket in baskets] for i in range(n_items)]
    norms = [math.sqrt(sum(w * w for w in column)) for column in columns]
    return [
        [
            sum(x * y for x, y in zip(columns[i], columns[j], strict=True)) / (norms[i] * norms[j])
            if norms[i] and norms[j]
            else 0.0
            for j in range(n_items)
        ]
        for i in range(n_items)
    ]


def test_similarities_agree_with_the_formula() -> None:
    rng = np.random.default_rng(2)
    baskets = [rng.integers(0, 8, size=rng.integers(1, 6)).tolist() for _ in range(20)]
    model = ItemKnn.fit(log_of(baskets, n_items=9), cut_ms=CUT, threads=1)
    expected = slow_similarity(baskets, 9, model.params)
    for i in range(9):
        span = slice(int(model.ptr[i]), int(model.ptr[i + 1]))
        found = dict(
            zip(model.neighbour[span].tolist(), model.similarity[span].tolist(), strict=True)
        )
        wanted = {j: s for j, s in enumerate(expected[i]) if s > 0}
        assert found == pytest.approx(wanted, rel=1e-5)


def test_an_item_is_its_own_nearest_so_repeats_are_proposed_first() -> None:
    model = ItemKnn.fit(log_of([[0, 1], [0, 1, 2], [2, 3]], n_items=4), cut_ms=CUT, threads=1)
    proposals = model.propose(history(0), 4)
    assert proposals.item.tolist()[:2] == [0, 1]
    assert proposals.score[0] == pytest.approx(1.0)


def test_the_newest_event_weighs_most() -> None:
    model = ItemKnn.fit(log_of([[0, 1], [2, 3]], n_items=4), cut_ms=CUT, threads=1)
    assert model.propose(history(0, 2), 2).item.tolist() == [2, 3]
    assert model.propose(history(2, 0), 2).item.tolist() == [0, 1]


def test_unknown_and_cold_histories_get_nothing() -> None:
    model = ItemKnn.fit(log_of([[0, 1]], n_items=3), cut_ms=CUT, threads=1)
    assert model.propose(history(-1), 5).item.tolist() == []
    assert model.propose(history(2), 5).item.tolist() == []
    assert len(model.propose(history(), 5)) == 1


def test_an_empty_log_proposes_nothing() -> None:
    model = ItemKnn.fit(log_of([], n_items=0), cut_ms=CUT, threads=1)
    assert model.n_items == 0
    assert model.propose(history(-1), 5).item.tolist() == []


def test_a_visitor_s_oldest_events_are_left_out_past_the_limit() -> None:
    params = ItemKnnParams(events_per_visitor=2)
    model = ItemKnn.fit(log_of([[0, 1, 2]], n_items=3), cut_ms=CUT, threads=1, params=params)
    assert model.propose(history(0), 5).item.tolist() == []
    assert sorted(model.propose(history(1), 5).item.tolist()) == [1, 2]


def test_a_row_at_the_cut_is_refused() -> None:
    with pytest.raises(DatasetError, match="at or after the cut"):
        ItemKnn.fit(log_of([[0, 1]], n_items=2), cut_ms=1, threads=1)


def test_a_batch_is_answered_as_each_alone_and_threads_change_nothing() -> None:
    rng = np.random.default_rng(4)
    baskets = [rng.integers(0, 30, size=6).tolist() for _ in range(60)]
    one, two = (
        ItemKnn.fit(log_of(baskets, n_items=30), cut_ms=CUT, threads=threads) for threads in (1, 2)
    )
    histories = queries_of(*(Moment(basket[:4], []) for basket in baskets)).histories
    together = two.propose(histories, 7)
    for query in range(len(histories)):
        alone = one.propose(histories.slice(query, query + 1), 7)
        span = slice(int(together.ptr[query]), int(together.ptr[query + 1]))
        assert together.item[span].tolist() == alone.item.tolist()
        assert together.score[span].tolist() == alone.score.tolist()
