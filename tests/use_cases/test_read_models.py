from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import NotFoundError
from endcap.ports import ABSENT
from endcap.registry.promotion import Champion
from endcap.use_cases.champions import write_champion
from endcap.use_cases.read_models import describe_models, read_models
from endcap.use_cases.read_scoreboard import read_scoreboard


def add_model(lake: FolderLake, version: str, cut: str, metrics: dict[str, float | None]) -> None:
    with lake.staging() as staged:
        (staged / "weights.txt").write_text(version)
        facts = {"version": version, "cut": cut, "metrics": metrics}
        lake.commit(f"models/{version}", staged, facts=facts)


def test_models_are_listed_newest_cut_first_and_the_champion_is_marked(lake: FolderLake) -> None:
    add_model(lake, "a", "2015-01-02T00:00:00+00:00", {})
    add_model(lake, "b", "2015-03-04T05:06:07.891000+00:00", {"next_interaction/mrr@20": 0.25})
    add_model(lake, "c", "2015-01-02T00:00:00+00:00", {"next_interaction/mrr@20": None})
    champion = Champion("a", "models/a", 1, "r", None, 1, ("test",))
    write_champion(lake, champion, expected=ABSENT)

    models = read_models(lake)

    assert [model["version"] for model in models] == ["b", "c", "a"]
    assert [model["champion"] for model in models] == [False, False, True]
    assert list(models[0]["files"]) == ["weights.txt"]
    assert describe_models(models).splitlines() == [
        "version  cut (UTC)            content           hit rate@20  mrr@20",
        f"b        2015-03-04 05:06:07  {models[0]['digest'][:16]}            -  0.2500",
        f"c        2015-01-02 00:00:00  {models[1]['digest'][:16]}            -       -",
        f"a        2015-01-02 00:00:00  {models[2]['digest'][:16]}            -       -  champion",
    ]


def test_a_model_that_cannot_be_read_hides_no_other_and_says_so(lake: FolderLake) -> None:
    add_model(lake, "a", "2015-01-02T00:00:00+00:00", {})
    add_model(lake, "b", "2015-03-04T00:00:00+00:00", {})
    manifest = next((Path(lake.uri) / "models" / "b").glob("_*"))
    manifest.chmod(0o644)
    manifest.write_text("{")

    models = read_models(lake)

    assert [(model["version"], model["cut"]) for model in models] == [
        ("a", "2015-01-02T00:00:00+00:00"),
        ("b", None),
    ]
    assert models[0]["problem"] is None
    assert "models/b" in models[1]["problem"]
    assert "b        -                    cannot be read" in describe_models(models)


def test_only_the_newest_are_read_if_asked_for(lake: FolderLake) -> None:
    for day in (1, 2, 3):
        add_model(lake, f"2015010{day}T000000-0", f"2015-01-0{day}T00:00:00+00:00", {})

    models = read_models(lake, newest=2)

    assert [model["version"] for model in models] == ["20150103T000000-0", "20150102T000000-0"]


def test_an_empty_lake_has_no_models_and_says_so(lake: FolderLake) -> None:
    assert read_models(lake) == []
    assert describe_models([]) == "No models yet; `endcap run` trains the first."


def test_a_lake_without_a_scoreboard_says_how_to_get_one(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match=r"no scoreboard in .*; run `endcap run --lake "):
        read_scoreboard(lake)
