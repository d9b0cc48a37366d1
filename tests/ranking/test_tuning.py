from dataclasses import replace

import numpy as np
import pytest

from endcap.config import RankingConfig
from endcap.ranking.ranker import YETI_RANK, RankerParams
from endcap.ranking.tuning import TuningResult, ndcg_by_group, tune_ranker
from tests.ranking.tables import learnable_table

CONFIG = RankingConfig(trials=5, iterations=40, tuning_iterations=20)


def test_ndcg_is_gain_over_log_of_the_place_divided_by_the_best_order() -> None:
    scores = np.array([3.0, 2.0, 1.0, 0.5, 0.4])
    gain = np.array([0, 1, 3, 0, 0], dtype=np.float32)
    group = np.array([0, 0, 0, 4, 4], dtype=np.int32)
    first = (1 / np.log2(3) + 3 / np.log2(4)) / (3 / np.log2(2) + 1 / np.log2(3))
    assert ndcg_by_group(scores, gain, group, 20) == pytest.approx([first, 0.0])
    assert ndcg_by_group(scores, gain, group, 2)[0] == pytest.approx(
        1 / np.log2(3) / (3 + 1 / np.log2(3))
    )
    assert ndcg_by_group(scores[:0], gain[:0], group[:0], 2).tolist() == []


def test_the_same_seed_gives_the_same_result_and_trial_0_is_the_defaults() -> None:
    first, again = (
        tune_ranker(learnable_table(), config=CONFIG, seed=4, threads=2) for _ in range(2)
    )
    assert first == again
    assert len(first.trials) == 5
    defaults = RankerParams.from_config(CONFIG)
    assert first.trials[0].params == {
        "depth": defaults.depth,
        "learning_rate": defaults.learning_rate,
        "l2_leaf_reg": defaults.l2_leaf_reg,
        "random_strength": defaults.random_strength,
    }
    assert first.trials[0].score == first.default_score
    assert first.default_score is not None
    assert first.best_score is not None
    assert first.best_score >= first.default_score


def test_the_result_keeps_the_length_and_the_loss_of_the_served_ranker() -> None:
    params = tune_ranker(learnable_table(), config=CONFIG, seed=4, threads=1).params
    assert (params.iterations, params.loss_function) == (40, YETI_RANK)


def test_over_a_tie_the_defaults_stay() -> None:
    table = learnable_table()
    rng = np.random.default_rng(0)
    noise = replace(table, features=rng.normal(size=table.features.shape).astype(np.float32))
    result = tune_ranker(noise, config=CONFIG, seed=1, threads=1)
    assert result.gain_error is not None
    gained = (result.best_score or 0) - (result.default_score or 0)
    chosen = result.params == RankerParams.from_config(CONFIG)
    assert chosen == (gained <= result.gain_error)


def test_bad_defaults_lose_to_a_trial() -> None:
    bad = CONFIG.model_copy(update={"learning_rate": 0.0001, "depth": 1, "trials": 6})
    result = tune_ranker(learnable_table(groups=120), config=bad, seed=1, threads=1)
    assert result.params != RankerParams.from_config(bad)


@pytest.mark.parametrize(("groups", "trials"), [(80, 0), (10, 5)])
def test_without_trials_or_with_few_groups_the_defaults_come_back_unjudged(
    groups: int, trials: int
) -> None:
    config = CONFIG.model_copy(update={"trials": trials})
    result = tune_ranker(learnable_table(groups=groups), config=config, seed=1, threads=1)
    assert result == TuningResult(RankerParams.from_config(config), None, None, None, ())


def test_json_gives_the_result_back() -> None:
    result = tune_ranker(learnable_table(), config=CONFIG, seed=4, threads=1)
    assert TuningResult.from_json(result.to_json()) == result
