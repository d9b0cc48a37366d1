import numpy as np
import pytest

from endcap.config_retrieval import RetrievalConfig, Rp3BetaConfig
from endcap.dataset.log import InteractionLog, from_events
from endcap.retrieval import rp3beta
from endcap.retrieval.rp3beta import Rp3BetaSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, histories_of, random_log
from tests.retrieval.source_contract import SourceContract

SETTINGS = Rp3BetaConfig(alpha=0.7, beta=0.3)


class TestRp3Beta(SourceContract):
    source = Rp3BetaSource


def fitted(log: InteractionLog, settings: Rp3BetaConfig) -> Rp3BetaSource:
    return Rp3BetaSource.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(rp3beta=settings),
        seed=1,
        threads=1,
    )


def slow_similarity(log: InteractionLog, settings: Rp3BetaConfig) -> list[list[float]]:
    """Return all similarities by the formula, one pair of items and one visitor at a time."""
    count = np.zeros((log.n_users, log.n_items))
    np.add.at(count, (log.user, log.item), 1)
    of_user, of_item = count.sum(axis=1), count.sum(axis=0)
    return [
        [
            sum(
                (count[u, i] / of_item[i]) ** settings.alpha
                * (count[u, j] / of_user[u]) ** settings.alpha
                / of_item[j] ** settings.beta
                for u in range(log.n_users)
                if count[u, i] and count[u, j]
            )
            for j in range(log.n_items)
        ]
        for i in range(log.n_items)
    ]


def test_similarities_agree_with_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rp3beta, "ITEMS_AT_ONCE", 7)
    log = random_log(3, n_users=25, n_items=20, mean=4)
    model = fitted(log, SETTINGS)
    for i, row in enumerate(slow_similarity(log, SETTINGS)):
        span = slice(int(model.ptr[i]), int(model.ptr[i + 1]))
        found = dict(
            zip(model.neighbour[span].tolist(), model.similarity[span].tolist(), strict=True)
        )
        assert found == pytest.approx({j: s for j, s in enumerate(row) if s > 0}, rel=1e-5)
        assert model.similarity[span].tolist() == sorted(model.similarity[span], reverse=True)


def test_beta_holds_popular_items_back() -> None:
    # Visitors of item 0 went on to 1, which everybody sees, and half as often to 2, which few do.
    baskets = [[0, 1], [0, 1], [0, 2], *([3, 1] for _ in range(30))]
    pairs = np.array([(user, item) for user, basket in enumerate(baskets) for item in basket])
    log = from_events(
        pairs[:, 0].astype(np.int32),
        pairs[:, 1].astype(np.int32),
        np.zeros(len(pairs), dtype=np.int8),
        np.arange(len(pairs), dtype=np.int64),
        n_users=len(baskets),
        n_items=4,
    )

    def after_0(beta: float) -> list[int]:
        source = fitted(log, Rp3BetaConfig(alpha=1.0, beta=beta))
        proposals = source.propose(histories_of([(0, 0)]), 9)
        return [item for item in proposals.item.tolist() if item != 0]

    assert after_0(0.0) == [1, 2]
    assert after_0(1.0) == [2, 1]


def test_only_the_best_neighbours_are_kept() -> None:
    model = fitted(random_log(3), Rp3BetaConfig(neighbours=2))
    assert np.diff(model.ptr).max() == 2
