"""What a search finds for the sources reaches candidates, scoreboard and model."""

import json
from pathlib import Path

import numpy as np
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.config import RunConfig
from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.queries import Queries
from endcap.retrieval.als import AlsSource
from endcap.retrieval.als_search import AlsBench
from endcap.retrieval.tuning import RetrievalTuning
from endcap.retrieval.union import SOURCES
from endcap.use_cases.champions import open_model
from endcap.use_cases.folds import LABELLED, TEST
from endcap.use_cases.labelled_folds import open_fold
from endcap.use_cases.runs import open_run
from endcap.use_cases.tuned_retrieval import tuned_retrieval
from tests.use_cases.small_run import CONFIG, train_model

USUAL = RunConfig.parse(json.dumps(CONFIG)).retrieval
FOUND = USUAL.model_copy(
    update={
        "als": USUAL.als.model_copy(update={"recency_half_life_events": 0.3}),
        "quotas": USUAL.quotas.model_copy(update={"als": 3, "rp3beta": 2}),
    }
)
SEARCH = {"retrieval_tuning": {"trials": 3}}


def quotas_used(run_id: str, lake: FolderLake, fold: str) -> dict[str, float]:
    """Return the lowest place of any candidate of each source."""
    with open_fold(open_run(run_id, lake), fold) as opened:
        lowest = np.nanmax(opened.candidates.ranks, axis=0, initial=0.0)
    return dict(zip(SOURCES, lowest.tolist(), strict=True))


def test_without_a_search_the_configuration_counts(trained: FolderLake) -> None:
    run = open_run("first", trained)
    assert tuned_retrieval(run) == USUAL
    assert quotas_used("first", trained, TEST)["als"] == 15
    assert trained.list_objects("studies") == []


def test_what_was_found_is_asked_everywhere_and_served(
    trained: FolderLake, raw_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: object, config: RetrievalConfig, **__: object) -> RetrievalTuning:
        assert config == USUAL
        return RetrievalTuning(FOUND)

    monkeypatch.setattr("endcap.use_cases.tuned_retrieval.tune_retrieval", find)
    answers = train_model(trained, "found", raw_log, SEARCH)

    # Nothing is fitted anew: the sources are the same, asked in another way.
    assert all(answers[f]["reused"] for f in ("ranking", "calibration", "test", "serving"))
    for fold in LABELLED:
        used = quotas_used("found", trained, fold)
        assert (used["als"], used["rp3beta"]) == (3, 2)
    with open_fold(open_run("found", trained), TEST) as opened:
        als = opened.sources["als"]
        assert isinstance(als, AlsSource)
        assert als.half_life_events == 0.3
    with open_model(trained, answers["register_model"]["version"], verify=True) as (_, model):
        als = model.sources["als"]
        assert isinstance(als, AlsSource)
        assert als.half_life_events == 0.3
        assert model.config.retrieval == FOUND
        assert model.config.features == open_run("found", trained).config.features


def test_the_search_keeps_its_trials_in_the_lake(trained: FolderLake, raw_log: Path) -> None:
    answers = train_model(trained, "searched", raw_log, SEARCH)

    assert answers["plan"]["trials"] == 3
    assert answers["plan"]["asked_with"] in {"defaults", "best trial"}
    (study,) = {path.rsplit("/", 1)[0] for path in trained.list_objects("studies/retrieval")}
    assert len(trained.list_objects(study)) == 3


def test_als_is_fitted_as_its_own_search_found(
    trained: FolderLake, raw_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = USUAL.als.model_copy(update={"factors": 3, "alpha": 77.0})
    starts: list[int] = []

    def find(bench: AlsBench, queries: Queries, **_: object) -> tuple[AlsConfig, int]:
        # All that is seen lies before the ranking cut: every fold may use what comes of it.
        starts.append(len(queries))
        assert bench.log.time_ms.max() < bench.cut_ms <= queries.time_ms.min()
        assert queries.time_ms.max() < open_run("als", trained).fold("ranking").cut_ms
        return found, 1

    monkeypatch.setattr("endcap.use_cases.tuned_als.search_als", find)
    search = {"retrieval_tuning": {"trials": 0, "als_trials": 1}}
    answers = train_model(trained, "als", raw_log, search)

    assert len(starts) == 1
    assert tuned_retrieval(open_run("als", trained)).als == found
    with open_model(trained, answers["register_model"]["version"]) as (_, model):
        als = model.sources["als"]
        assert isinstance(als, AlsSource)
        assert (als.item_factors.shape[1], als.alpha) == (3, 77.0)
        assert model.config.retrieval.als == found
