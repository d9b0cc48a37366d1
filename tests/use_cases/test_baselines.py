"""The baselines of a run: tuned before its test window, fitted again, asked at its moments."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import NotEnoughDataError
from endcap.evaluation.baselines import ALS, ALS_TO_YETIRANK, BASELINES
from endcap.evaluation.scoreboard import FULL_STACK
from endcap.features.registry import names
from endcap.use_cases import rank_als
from endcap.use_cases.answer_baselines import read_als_proposals, read_baselines
from endcap.use_cases.fold_queries import read_queries
from endcap.use_cases.folds import CALIBRATION, TEST
from endcap.use_cases.read_scoreboard import read_scoreboard
from endcap.use_cases.runs import Run, open_run
from endcap.use_cases.tune_baselines import read_tuned, training_before
from tests.use_cases.small_run import CONFIG, train_model


@pytest.fixture
def run(trained: FolderLake) -> Run:
    return open_run("first", trained)


def test_the_scoreboard_holds_every_baseline_and_what_was_chosen_for_it(
    trained: FolderLake, run: Run
) -> None:
    board = read_scoreboard(trained)

    tuned = [baseline.name for baseline in BASELINES]
    assert board.systems == (FULL_STACK, *tuned, ALS_TO_YETIRANK)
    assert board.anatomy is not None
    assert board.anatomy.baselines.keys() == set(tuned)
    assert board.anatomy.judged_by == CONFIG["evaluation"]["baseline_queries"]
    assert board.anatomy.fitted_on == len(training_before(run, run.fold(CALIBRATION).cut_ms).log)
    for name, choice in read_tuned(run).items():
        assert len(choice.trials) == (1 if name == "popular" else 2)
        assert board.anatomy.baselines[name].settings == choice.settings
    shares = [share for _, share in board.anatomy.importance]
    assert shares == sorted(shares, reverse=True)
    assert {name for name, _ in board.anatomy.importance} <= set(names())
    assert 0 < board.anatomy.found <= 1
    assert {"als", "own", "popularity"} <= board.anatomy.sources.keys()


def test_nothing_of_the_test_window_was_tuned_on(run: Run) -> None:
    test_ms = run.fold(TEST).cut_ms
    assert run.fold(CALIBRATION).end_ms == test_ms
    assert read_queries(run, CALIBRATION).time_ms.max() < test_ms
    assert training_before(run, test_ms).log.time_ms.max() < test_ms


def test_every_baseline_answers_every_test_moment(run: Run) -> None:
    lists = read_baselines(run)
    n = len(read_queries(run, TEST))
    assert {len(found) for found in lists.values()} == {n}
    ranked, als = rank_als.read_ranked_als(run), read_als_proposals(run)
    assert len(ranked) == n
    for query in range(n):
        proposed = als.item[als.ptr[query] : als.ptr[query + 1]].tolist()
        assert {item for item in ranked.items[query].tolist() if item >= 0} <= {*proposed}
    first = [lists[ALS].items[:, 0], ranked.items[:, 0]]
    assert np.any(first[0] != first[1])


def test_another_ranker_tunes_no_baseline_again(trained: FolderLake, raw_log: Path) -> None:
    ranking = {**CONFIG["ranking"], "iterations": 5}
    train_model(trained, "other", raw_log, {"ranking": ranking})
    first, other = open_run("first", trained), open_run("other", trained)
    for step, same in {
        "baseline-tuning": True,
        "baselines": True,
        "als-to-yetirank": False,
    }.items():
        assert (first.ref(step).path == other.ref(step).path) is same


def test_candidates_that_teach_no_order_stay_in_that_of_als(
    trained: FolderLake, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotEnoughDataError("nothing to learn")

    monkeypatch.setattr(rank_als, "fit_ranker", refuse)
    shutil.rmtree(Path(trained.uri) / run.ref(rank_als.STEP).path)

    ref = rank_als.rank_als(run)

    assert (ref.reused, ref.facts) == (False, {"ranked": False})
    ranked, als = rank_als.read_ranked_als(run).items, read_als_proposals(run)
    for query in range(len(ranked)):
        proposed = als.item[als.ptr[query] : als.ptr[query + 1]]
        assert ranked[query, : len(proposed)].tolist() == proposed[: ranked.shape[1]].tolist()
