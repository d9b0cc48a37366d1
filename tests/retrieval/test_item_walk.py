import numpy as np
import pytest

from endcap.config_retrieval import CovisitationConfig, ItemWalkConfig, RetrievalConfig
from endcap.dataset.log import InteractionLog
from endcap.retrieval import item_walk
from endcap.retrieval.item_walk import ItemWalkSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, log_of
from tests.retrieval.source_contract import SourceContract

ONE_STEP = CovisitationConfig(
    max_gap_hours=1000.0,
    gap_half_life_hours=1e9,
    half_life_days=1e9,
    max_steps=1,
    backward_weight=1.0,
)


class TestItemWalkContract(SourceContract):
    source = ItemWalkSource


def neighbours(log: InteractionLog, **changes: float) -> dict[int, dict[int, float]]:
    source = ItemWalkSource.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(
            covisitation=ONE_STEP,
            item_walk=ItemWalkConfig.model_validate({"prior_weight": 0.0, **changes}),
        ),
        seed=0,
        threads=1,
    )
    return {
        item: dict(
            zip(source.neighbour[low:high].tolist(), source.similarity[low:high], strict=True)
        )
        for item, (low, high) in enumerate(zip(source.ptr[:-1], source.ptr[1:], strict=True))
    }


def test_items_that_nobody_saw_together_meet_in_a_third() -> None:
    log = log_of([(0, 0), (1, 0)], [(1, 0), (2, 0)], n_items=4)
    found = neighbours(log)
    assert found[0] == {2: pytest.approx(0.5)}
    assert found[2] == {0: pytest.approx(0.5)}
    assert found[1] == {}
    assert found[3] == {}


def test_ways_to_the_same_end_add_up() -> None:
    log = log_of([(0, 0), (1, 0), (3, 0)], [(0, 0), (2, 0), (3, 0)], n_items=4)
    assert neighbours(log)[0] == {3: pytest.approx(0.5 * 0.5 + 0.5 * 0.5)}


def test_a_prior_holds_back_what_few_pairs_say() -> None:
    log = log_of([(0, 0), (1, 0)], [(1, 0), (2, 0)], n_items=3)
    assert neighbours(log, prior_weight=1.0)[0] == {2: pytest.approx(1 / 2 * 1 / 3)}


def test_a_step_goes_to_the_likeliest_items_alone() -> None:
    log = log_of(
        *[[(0, 0), (1, 0)]] * 2, [(0, 0), (2, 0)], [(1, 0), (3, 0)], [(2, 0), (4, 0)], n_items=5
    )
    assert set(neighbours(log, steps_per_item=2)[0]) == {3, 4}
    assert set(neighbours(log, steps_per_item=1)[0]) == set()


def test_the_best_neighbours_are_kept_whatever_the_size_of_a_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    log = log_of(
        *[[(item, 0) for item in rng.integers(0, 30, 6).tolist()] for _ in range(60)], n_items=30
    )
    whole = neighbours(log, neighbours=5)
    assert max(len(found) for found in whole.values()) == 5
    monkeypatch.setattr(item_walk, "ROWS_AT_ONCE", 7)
    assert neighbours(log, neighbours=5) == whole
