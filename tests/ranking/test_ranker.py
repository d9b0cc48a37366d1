import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.config import RankingConfig
from endcap.errors import NotEnoughDataError
from endcap.ranking.ranker import QUERY_RMSE, RankerParams, fit_ranker
from endcap.ranking.tuning import ndcg_by_group
from tests.ranking.tables import learnable_table

SMALL = RankerParams(iterations=30, depth=4, learning_rate=0.2)


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_two_fits_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fit_ranker(learnable_table(), SMALL, seed=7, threads=2).save(tmp_path / name)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert {"ranker.cbm", "params.json", "trees.json", "leaf_values.npy"} <= set(
        hashes(tmp_path / "one")
    )


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    for seed in (1, 2):
        fit_ranker(learnable_table(), SMALL, seed=seed, threads=1).save(tmp_path / str(seed))
    assert hashes(tmp_path / "1")["ranker.cbm"] != hashes(tmp_path / "2")["ranker.cbm"]


@pytest.mark.parametrize("loss", [SMALL.loss_function, QUERY_RMSE])
def test_the_ranker_learns_an_order_that_holds_on_unseen_groups(loss: str) -> None:
    ranker = fit_ranker(learnable_table(), replace(SMALL, loss_function=loss), seed=1, threads=2)
    unseen = learnable_table(seed=99)
    reached = ndcg_by_group(
        ranker.scorer.predict(unseen.features), unseen.target(2.0), unseen.group, 20
    ).mean()
    chance = ndcg_by_group(np.zeros(len(unseen)), unseen.target(2.0), unseen.group, 20).mean()
    assert reached > chance + 0.2
    assert ranker.importance()[:2].sum() > 60


def test_a_table_without_any_order_to_learn_is_refused() -> None:
    table = learnable_table()
    flat = replace(table, relevance=np.zeros_like(table.relevance), first=table.first & False)
    with pytest.raises(NotEnoughDataError, match="no past moment"):
        fit_ranker(flat, SMALL, seed=1, threads=1)


def test_constant_features_are_refused() -> None:
    table = learnable_table()
    flat = replace(table, features=np.zeros_like(table.features))
    with pytest.raises(NotEnoughDataError, match="constant"):
        fit_ranker(flat, SMALL, seed=1, threads=1)


def test_a_shortened_fit_takes_longer_steps_to_reach_as_far() -> None:
    short = RankerParams(iterations=300, learning_rate=0.05).shortened(100, QUERY_RMSE)
    assert (short.iterations, short.loss_function) == (100, QUERY_RMSE)
    assert short.learning_rate == pytest.approx(0.05 * 300 / 100)
    assert RankerParams(iterations=50).shortened(100, QUERY_RMSE).iterations == 50


def test_defaults_of_the_parameters_are_those_of_the_configuration() -> None:
    assert RankerParams.from_config(RankingConfig()) == RankerParams()
