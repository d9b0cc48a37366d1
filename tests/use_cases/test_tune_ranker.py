"""The ranker's search within a run: where its trials are kept, and what becomes of them."""

import json
import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.ranking.later_slice import LaterSlice
from endcap.ranking.ranker import RankerParams
from endcap.ranking.table import RankingTable
from endcap.ranking.tuning import TuningResult
from endcap.use_cases.folds import RANKING
from endcap.use_cases.labelled_folds import open_fold
from endcap.use_cases.runs import open_run, start_run
from endcap.use_cases.tune_ranker import tune_ranker
from tests.use_cases.small_run import CONFIG, train_model


def settings(**changes: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return a configuration like the small run's, but for the search."""
    search = {"trials": 4, "tuning_iterations": 3, **changes}
    return {"ranking": {**CONFIG["ranking"], **search}}


def trials_of(lake: FolderLake) -> dict[str, bytes]:
    """Return every trial in the lake."""
    return {
        path: found.data
        for path in lake.list_objects("studies")
        if (found := lake.read(path)) is not None
    }


def result_of(lake: FolderLake, run_id: str) -> TuningResult:
    """Return what a run's search came to."""
    with lake.open(open_run(run_id, lake).ref("tuning").path) as folder:
        return TuningResult.from_json((folder / "tuning.json").read_text())


class DyingLake(FolderLake):
    """A lake whose process dies when it is about to keep trial 2."""

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        if path.startswith("studies/") and path.endswith("2.json"):
            raise KeyboardInterrupt
        return super().write(path, data, expected=expected)


def test_a_killed_search_goes_on_and_ends_as_if_it_had_not_been(
    trained: FolderLake, raw_log: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_model(DyingLake(Path(trained.uri)), "tuned", raw_log, settings())
    before = trials_of(trained)
    assert [path[-10:] for path in before] == ["00000.json", "00001.json"]
    assert trained.list_objects("runs/tuned/steps/tuning") == []

    answers = train_model(trained, "tuned", raw_log, settings())

    after = trials_of(trained)
    assert len(after) == 4
    # The time that a trial took is in its object: one that had run again would differ.
    assert {path: after[path] for path in before} == before
    result = result_of(trained, "tuned")
    assert answers["tune_ranker"] == {**result.facts(), "reused": False}
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3]
    assert [json.loads(text)["trial"]["params"] for text in after.values()] == [
        trial.params for trial in result.trials
    ]
    for forgotten in ("studies", "steps/tuning"):
        shutil.rmtree(Path(trained.uri) / forgotten)
    train_model(trained, "whole", raw_log, settings())
    assert result_of(trained, "whole") == result


def test_a_larger_budget_goes_on_with_the_same_study(trained: FolderLake, raw_log: Path) -> None:
    train_model(trained, "few", raw_log, settings(trials=2))
    few = trials_of(trained)

    train_model(trained, "more", raw_log, settings(trials=3, tuning_minutes=77.0))

    assert len(trials_of(trained)) == 3
    assert trials_of(trained).items() > few.items()
    results = [result_of(trained, run_id).trials for run_id in ("few", "more")]
    assert results[1][:2] == results[0]


@pytest.mark.parametrize("change", [{"seed": 5}, {**settings(trials=1, depth=5)}])
def test_what_a_trial_depends_on_begins_a_new_study(
    trained: FolderLake, raw_log: Path, change: Mapping[str, Any]
) -> None:
    train_model(trained, "one", raw_log, settings(trials=1))
    train_model(trained, "another", raw_log, {**settings(trials=1), **change})

    studies = {path.rsplit("/", 1)[0] for path in trials_of(trained)}
    assert len(studies) == 2


def test_the_minutes_of_a_search_end_it(trained: FolderLake, raw_log: Path) -> None:
    config = {**CONFIG, **settings(trials=9, tuning_minutes=2.5)}
    trained.write("settings/timed.json", json.dumps(config).encode())
    steps = trained.list_objects("runs/first/steps")
    request = {"run_id": "timed", "raw": str(raw_log), "config": "settings/timed.json"}
    start_run(request, trained)
    for step in steps:
        found = trained.read(step)
        assert found is not None
        trained.write(step.replace("first", "timed"), found.data)

    # A minute each: the third one begins after two, none after three.
    ticks = count()
    answer = tune_ranker(request, trained, clock=lambda: 60.0 * next(ticks))

    assert answer["trials"] == 3


def test_what_decides_is_later_than_all_that_was_learnt_from(
    trained: FolderLake, raw_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[RankingTable, LaterSlice]] = []

    def look(table: RankingTable, later: LaterSlice, **_: object) -> TuningResult:
        seen.append((table, later))
        return TuningResult(RankerParams())

    monkeypatch.setattr("endcap.use_cases.tune_ranker.search", look)
    train_model(trained, "seen", raw_log, settings())

    ((table, later),) = seen
    run = open_run("seen", trained)
    with open_fold(run, RANKING) as fold:
        first_later = len(fold.queries) - len(later)
        assert len(later) == round(0.2 * len(fold.queries))
        assert len(np.unique(table.group)) >= 50
        assert table.group.max() < first_later
        assert later.queries.user.tolist() == fold.queries.user[first_later:].tolist()
        ours, all_of_them = later.candidates, fold.candidates
        assert ours.item.tolist() == all_of_them.slice(first_later, len(fold.queries)).item.tolist()
        # Each group is numbered as its query is: its positives are that query's labels.
        labels = [
            set(fold.queries.label_relevance[slice(*fold.queries.label_ptr[group : group + 2])])
            for group in table.group[table.relevance > 0]
        ]
        relevance = table.relevance[table.relevance > 0]
        assert all(value in own for value, own in zip(relevance, labels, strict=True))
