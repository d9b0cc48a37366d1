import math

import numpy as np
import pytest

from endcap.config_retrieval import ItemKnnConfig, RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog, from_events
from endcap.retrieval.item_knn import ItemKnnSource, recent_touches
from tests.retrieval.shop import WEIGHTS, histories_of
from tests.retrieval.source_contract import SourceContract

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
    return histories_of([(item, 0) for item in items])


def fitted(log: InteractionLog, settings: ItemKnnConfig | None = None) -> ItemKnnSource:
    return ItemKnnSource.fit(
        log,
        cut_ms=CUT,
        event_weights=WEIGHTS,
        config=RetrievalConfig(item_knn=settings or ItemKnnConfig()),
        seed=1,
        threads=1,
    )


def slow_similarity(
    baskets: list[list[int]], n_items: int, config: ItemKnnConfig
) -> list[list[float]]:
    """Return all similarities by the formula, one pair at a time."""
    events = [sum(basket.count(i) for basket in baskets) for i in range(n_items)]
    mean = sum(events) / sum(1 for count in events if count)
    k1, b = config.saturation, config.length_weight

    def weight(basket: list[int], item: int) -> float:
        count = basket.count(item)
        length = 1 - b + b * events[item] / mean
        idf = math.log(1 + n_items / len(set(basket)))
        return count * (k1 + 1) / (count + k1 * length) * idf

    columns = [[weight(basket, i) for basket in baskets] for i in range(n_items)]
    norms = [math.sqrt(sum(w * w for w in column)) for column in columns]
    return [
        [
            sum(x * y for x, y in zip(columns[i], columns[j], strict=True))
            / (norms[i] * norms[j]) ** config.norm_exponent
            if norms[i] and norms[j]
            else 0.0
            for j in range(n_items)
        ]
        for i in range(n_items)
    ]


class TestItemKnnContract(SourceContract):
    source = ItemKnnSource


@pytest.mark.parametrize("norm_exponent", [1.0, 0.5, 0.0])
def test_similarities_agree_with_the_formula(norm_exponent: float) -> None:
    rng = np.random.default_rng(2)
    baskets = [rng.integers(0, 8, size=rng.integers(1, 6)).tolist() for _ in range(20)]
    config = ItemKnnConfig(norm_exponent=norm_exponent)
    model = fitted(log_of(baskets, n_items=9), config)
    expected = slow_similarity(baskets, 9, config)
    for i in range(9):
        span = slice(int(model.ptr[i]), int(model.ptr[i + 1]))
        found = dict(
            zip(model.neighbour[span].tolist(), model.similarity[span].tolist(), strict=True)
        )
        wanted = {j: s for j, s in enumerate(expected[i]) if s > 0}
        assert found == pytest.approx(wanted, rel=1e-5)


def test_an_item_is_its_own_nearest_so_repeats_are_proposed_first() -> None:
    model = fitted(log_of([[0, 1], [0, 1, 2], [2, 3]], n_items=4))
    proposals = model.propose(history(0), 4)
    assert proposals.item.tolist()[:2] == [0, 1]
    assert proposals.score[0] == pytest.approx(1.0)


def test_the_newest_event_weighs_most() -> None:
    model = fitted(log_of([[0, 1], [2, 3]], n_items=4))
    assert model.propose(history(0, 2), 2).item.tolist() == [2, 3]
    assert model.propose(history(2, 0), 2).item.tolist() == [0, 1]


def test_a_visitor_s_oldest_events_are_left_out_past_the_limit() -> None:
    log = log_of([[0, 1, 2]], n_items=3)
    model = fitted(log, ItemKnnConfig(events_per_visitor=2))
    assert model.propose(history(0), 5).item.tolist() == []
    assert sorted(model.propose(history(1), 5).item.tolist()) == [1, 2]


def test_touches_are_counted_by_visitor_and_item() -> None:
    user, item, count = recent_touches(log_of([[2, 0, 2], [1]], n_items=3), 10)
    assert list(zip(user.tolist(), item.tolist(), count.tolist(), strict=True)) == [
        (0, 0, 1),
        (0, 2, 2),
        (1, 1, 1),
    ]
