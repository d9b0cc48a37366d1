"""The steps one after the other, on a small log."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.raw_logs import OpenRawLogs
from endcap.errors import ConfigError, NotEnoughDataError, NotFoundError
from endcap.features.families import FAMILIES
from endcap.serving.trending import WINDOWS_DAYS
from endcap.use_cases.build_features import build_features
from endcap.use_cases.champions import open_model
from endcap.use_cases.clean_log import (
    count_items,
    read_event_types,
    read_item_ids,
    read_log,
    read_user_ids,
)
from endcap.use_cases.data_report import read_data_report
from endcap.use_cases.folds import LABELLED, SERVING, TEST
from endcap.use_cases.item_tables import merged
from endcap.use_cases.labelled_folds import fold_inputs, open_fold, shard_refs
from endcap.use_cases.plan_candidates import sample_shards, save_shards
from endcap.use_cases.read_models import describe_models, read_models
from endcap.use_cases.read_scoreboard import read_scoreboard
from endcap.use_cases.record_failure import record_failure
from endcap.use_cases.runs import Run, open_run
from endcap.use_cases.train_retrieval import train_retrieval
from endcap.use_cases.validate_and_clean import validate_and_clean
from tests.use_cases.small_run import (
    HOUR_MS,
    N_ITEMS,
    N_VISITORS,
    NOW_MS,
    START_MS,
    train_model,
    write_log,
)


@pytest.fixture
def run(trained: FolderLake) -> Run:
    return open_run("first", trained)


def test_a_second_run_over_the_same_log_computes_nothing(
    trained: FolderLake, raw_log: Path, run: Run
) -> None:
    answers = train_model(trained, "again", raw_log)

    assert all(answer["reused"] for answer in answers.values())
    assert open_run("again", trained).ref("model").facts == run.ref("model").facts


def test_a_seed_changes_what_is_drawn_and_not_what_is_counted(
    trained: FolderLake, raw_log: Path
) -> None:
    answers = train_model(trained, "seeded", raw_log, {"seed": 43})

    counted = {"clean", *FAMILIES}
    assert {name for name, answer in answers.items() if answer["reused"]} == counted


def test_the_cleaned_log_is_read_as_of_a_moment(run: Run) -> None:
    test, serving = run.fold(TEST), run.fold(SERVING)
    log = read_log(run, before_ms=serving.cut_ms)

    assert (log.n_items, log.n_users) == (N_ITEMS, N_VISITORS)
    assert read_log(run, before_ms=test.cut_ms).time_ms.max() < test.cut_ms
    assert count_items(run, before_ms=0) == 0
    assert count_items(run, before_ms=serving.cut_ms) == N_ITEMS
    ids = read_item_ids(run, before_ms=serving.cut_ms)
    assert sorted(ids) == [str(500 + code) for code in range(N_ITEMS)]
    known = count_items(run, before_ms=run.fold("ranking").cut_ms - 25 * 86_400_000)
    assert read_item_ids(run, before_ms=run.fold("ranking").cut_ms - 25 * 86_400_000) == ids[:known]
    assert len(read_user_ids(run, before_ms=test.cut_ms)) <= N_VISITORS
    assert read_event_types(run).names[:2] == ("view", "addtocart")


def test_a_fold_is_put_together_from_its_shards_in_order(run: Run) -> None:
    shards = run.ref("queries").facts["shards"]
    for name in LABELLED:
        assert len(shard_refs(run, name)) == shards[name] == run.config.shards
        with open_fold(run, name) as fold:
            assert len(fold.queries) == len(fold.candidates)
            assert np.all(np.diff(fold.queries.time_ms) >= 0)
            assert np.all(fold.queries.time_ms >= run.fold(name).cut_ms)
            assert len(fold.scores(run)) == len(fold.candidates.item)
    steps = [ref.step for ref in fold_inputs(run, TEST)]
    assert steps == [
        "clean",
        "items",
        "queries",
        "retrieval-test",
        "retrieval-tuning",
        "ranker",
        "candidates-test-0",
        "candidates-test-1",
    ]


def test_the_model_that_was_registered_can_be_opened_and_listed(
    trained: FolderLake, run: Run
) -> None:
    facts = run.ref("model").facts
    with open_model(trained, facts["version"]) as (manifest, model):
        assert manifest.cut_ms == run.fold(SERVING).cut_ms == facts["cut_ms"]
        assert model.config.features == run.config.features
        assert model.config.retrieval == run.config.retrieval
        assert model.shortcuts is not None
        computed = replace(model, shortcuts=None)
        assert computed.fill_order.tolist() == model.fill_order.tolist()
        assert computed.fill_place.tolist() == model.fill_place.tolist()
        for ours, kept in (
            (computed.by_category, model.by_category),
            (computed.by_root, model.by_root),
        ):
            assert (ours.ptr.tolist(), ours.item.tolist()) == (
                kept.ptr.tolist(),
                kept.item.tolist(),
            )
        for days in WINDOWS_DAYS:
            assert computed.board(days).item.tolist() == model.board(days).item.tolist()
            assert computed.board(days).demand.tolist() == model.board(days).demand.tolist()
        assert list(model.item_ids) == read_item_ids(run, before_ms=manifest.cut_ms)
        assert manifest.created_from == run.ref("clean").digest

    (listed,) = read_models(trained)

    assert (listed["version"], listed["champion"]) == (facts["version"], False)
    assert listed["cut"].startswith("2015-05-")
    assert {len(sha256) for sha256 in listed["files"].values()} == {64}
    shown = describe_models([listed]).splitlines()
    assert shown[0].split() == [
        "version",
        "cut",
        "(UTC)",
        "content",
        "hit",
        "rate@20",
        "mrr@20",
    ]
    assert shown[1].split()[3] == listed["digest"][:16]


def test_the_newest_scoreboard_is_that_of_the_run_that_was_evaluated_last(
    trained: FolderLake, run: Run
) -> None:
    with trained.open(run.ref("evaluation").path) as folder:
        text = (folder / "scoreboard.json").read_text()

    assert read_scoreboard(trained).to_json() == text


def test_a_data_report_says_where_its_page_lies_and_what_it_warns_of(
    trained: FolderLake, run: Run
) -> None:
    report = read_data_report("first", trained)

    assert report.page == f"{trained.uri}/{run.ref('clean').path}/report.html"
    assert Path(report.page).is_file()
    assert any(text.startswith("no item properties: ") for text in report.warnings)
    assert any(text.startswith("no category tree: ") for text in report.warnings)


def test_a_feature_family_and_a_fold_must_exist(trained: FolderLake) -> None:
    with pytest.raises(ConfigError, match="no feature family 'colours'; there are temporal, "):
        build_features({"run_id": "first", "family": "colours"}, trained)
    with pytest.raises(NotFoundError, match="no fold 'training'"):
        train_retrieval({"run_id": "first", "fold": "training"}, trained)


def test_a_log_without_returning_visitors_is_too_small(lake: FolderLake, tmp_path: Path) -> None:
    rows = [f"{START_MS + n * HOUR_MS},{n},view,{n % 7}," for n in range(200)]
    request = {"run_id": "small", "raw": str(write_log(tmp_path / "raw", rows))}
    validate_and_clean(request, lake, OpenRawLogs(), now_ms=NOW_MS)

    with pytest.raises(NotEnoughDataError, match="no returning visitor in the ranking window"):
        sample_shards(open_run("small", lake))


def test_a_failure_is_kept_even_of_a_run_that_was_never_recorded(lake: FolderLake) -> None:
    error = {"Error": "ConfigError", "Cause": "no raw log"}

    kept = record_failure({"run_id": "r1", "state": "ValidateAndClean", "error": error}, lake)

    assert kept == {"state": "ValidateAndClean", "error": error}
    assert lake.list_objects("runs") == ["runs/r1/failure.json"]


@pytest.mark.parametrize(("shards", "sizes"), [(1, [5]), (2, [2, 3]), (9, [1, 1, 1, 1, 1])])
def test_queries_are_cut_into_shards_of_nearly_one_size(
    run: Run, tmp_path: Path, shards: int, sizes: list[int]
) -> None:
    with open_fold(run, TEST) as fold:
        queries = fold.queries.slice(0, 5)

    assert save_shards(queries, tmp_path / "test", shards) == len(sizes)

    loaded = [type(queries).load(tmp_path / "test" / str(shard)) for shard in range(len(sizes))]
    assert [len(part) for part in loaded] == sizes
    assert type(queries).concat(loaded).user.tolist() == queries.user.tolist()


def test_folders_are_merged_by_links(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)

    with merged([tmp_path / "a", tmp_path / "b"]) as folder:
        assert {file.name: file.read_text() for file in folder.iterdir()} == {
            "a.txt": "a",
            "b.txt": "b",
        }
    assert not folder.exists()
    assert (tmp_path / "a" / "a.txt").exists()
