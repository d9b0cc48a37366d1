from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.config import EvaluationConfig
from endcap.errors import DatasetError
from endcap.evaluation.comparison import (
    ChampionIdentity,
    Judgement,
    RecordedScores,
    compare_live,
    compare_recorded,
)
from tests.evaluation.boards import evaluation_of

CONFIG = EvaluationConfig(bootstrap_samples=100)
CHAMPION = ChampionIdentity("20200101T000000-aaaaaaaa", cut_ms=50)
USER = np.arange(4, dtype=np.int32)
OURS = RecordedScores("slice", "ndcg@20", "next_interaction", np.array([1.0, 0.0, 1.0, np.nan]))


def test_recorded_scores_of_the_same_queries_are_paired() -> None:
    theirs = replace(OURS, values=np.array([0.0, 0.0, 1.0, np.nan]))
    found = compare_recorded(OURS, theirs, identity=CHAMPION, user=USER, config=CONFIG, seed=1)
    assert found is not None
    assert found.judgement is Judgement.RECORDED
    assert found.n_queries == 3
    assert found.difference.mean == pytest.approx(2 / 3 - 1 / 3)
    assert found.champion.mean == pytest.approx(1 / 3)


@pytest.mark.parametrize("field", ["query_fingerprint", "metric", "task"])
def test_recorded_scores_of_something_else_are_not_compared(field: str) -> None:
    theirs = replace(OURS, **{field: "another"})  # type: ignore[arg-type]
    assert (
        compare_recorded(OURS, theirs, identity=CHAMPION, user=USER, config=CONFIG, seed=1) is None
    )


def test_a_champion_is_asked_only_about_what_it_has_not_seen() -> None:
    found = compare_live(
        np.array([1.0, 1.0, 0.0, 1.0]),
        np.array([1.0, 1.0, 1.0, 1.0]),
        identity=CHAMPION,
        time_ms=np.array([20, 40, 50, 60]),
        slice_start_ms=10,
        user=USER,
        config=CONFIG,
        seed=1,
    )
    assert found.judgement is Judgement.UNSEEN_PART
    assert found.n_queries == 2
    assert found.difference.mean == pytest.approx((-1 + 0) / 2)


def test_a_champion_from_before_the_slice_answers_all_of_it() -> None:
    found = compare_live(
        np.ones(4),
        np.ones(4),
        identity=CHAMPION,
        time_ms=np.array([60, 70, 80, 90]),
        slice_start_ms=50,
        user=USER,
        config=CONFIG,
        seed=1,
    )
    assert found.judgement is Judgement.WHOLE_SLICE
    assert found.n_queries == 4


def test_a_champion_that_has_seen_everything_leaves_nothing_to_compare() -> None:
    found = compare_live(
        np.ones(4),
        np.ones(4),
        identity=CHAMPION,
        time_ms=np.array([10, 20, 30, 40]),
        slice_start_ms=10,
        user=USER,
        config=CONFIG,
        seed=1,
    )
    assert found.n_queries == 0
    assert not found.difference.is_measured


def test_recorded_scores_come_back_from_their_folder(tmp_path: Path) -> None:
    evaluation = evaluation_of({"full_stack": 0.5}, n=6)
    recorded = RecordedScores.of(
        evaluation, system="full_stack", task="next_interaction", metric="ndcg@20"
    )
    recorded.save(tmp_path / "recorded")
    back = RecordedScores.load(tmp_path / "recorded")
    assert back.values.tolist() == recorded.values.tolist() == [1, 1, 1, 0, 0, 0]
    assert back.query_fingerprint == evaluation.query_fingerprint


def test_a_metric_that_was_not_measured_has_no_values() -> None:
    recorded = RecordedScores.of(
        evaluation_of({"full_stack": 0.5}, n=2),
        system="full_stack",
        task="new_items",
        metric="ndcg@7",
    )
    assert np.isnan(recorded.values).tolist() == [True, True]


def test_a_folder_without_recorded_scores_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no recorded scores"):
        RecordedScores.load(tmp_path)
