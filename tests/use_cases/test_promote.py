from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import ConflictError, CorruptArtifactError, NotFoundError
from endcap.ports import ABSENT, Lake
from endcap.registry.promotion import CHAMPION_PATH, Champion, Refusal
from endcap.use_cases.champions import (
    open_model,
    read_champion,
    require_champion,
    write_champion,
)
from endcap.use_cases.keep_champion import keep_champion
from endcap.use_cases.promote import promote
from endcap.use_cases.runs import start_run

NOW_MS = 1_450_000_000_000


def champion_named(version: str) -> Champion:
    return Champion(version, f"models/{version}", 5, "r0", None, 1, ("it was there",))


def judged(lake: Lake, *, outcome: str = "promote", champion: str | None = None) -> dict[str, Any]:
    """Record a run that registered the model v2 and was judged against `champion`."""
    run = start_run({"run_id": "r2", "raw": "/raw"}, lake)
    with lake.staging() as staged:
        (staged / "ranker").write_text("trees")
        lake.commit("models/v2", staged, facts={})
    facts = {"version": "v2", "path": "models/v2", "cut_ms": 9}
    run.perform("model", rooms=[], params={}, inputs=[], compute=lambda _: facts)
    gate = {
        "promote": outcome == "promote",
        "outcome": outcome,
        "reasons": ["better"],
        "version": "v2",
        "champion": champion,
    }
    run.write_json("gate.json", gate)
    return {"run_id": "r2"}


def test_the_first_champion_replaces_none(lake: FolderLake) -> None:
    answer = promote(judged(lake), lake, now_ms=NOW_MS)

    assert answer == {"version": "v2", "promoted_from": None}
    assert require_champion(lake) == Champion("v2", "models/v2", 9, "r2", None, NOW_MS, ("better",))


def test_a_new_champion_names_the_one_it_replaced(lake: FolderLake) -> None:
    write_champion(lake, champion_named("v1"), expected=ABSENT)

    assert promote(judged(lake, champion="v1"), lake, now_ms=NOW_MS)["promoted_from"] == "v1"
    assert require_champion(lake).version == "v2"


def test_promoting_twice_is_promoting_once(lake: FolderLake) -> None:
    request = judged(lake)
    first = promote(request, lake, now_ms=NOW_MS)

    assert promote(request, lake, now_ms=NOW_MS + 1) == first
    assert require_champion(lake).promoted_at_ms == NOW_MS


@pytest.mark.parametrize("compared_with", [None, "v0"])
def test_a_champion_that_the_gate_did_not_see_is_not_replaced(
    lake: FolderLake, compared_with: str | None
) -> None:
    write_champion(lake, champion_named("v1"), expected=ABSENT)

    with pytest.raises(ConflictError, match="the champion became v1 after v2 was compared"):
        promote(judged(lake, champion=compared_with), lake, now_ms=NOW_MS)
    assert require_champion(lake).version == "v1"


class ContestedLake(FolderLake):
    """A lake in which somebody else promotes v3 just before each champion is written."""

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        if path == CHAMPION_PATH:
            super().write(path, champion_named("v3").to_bytes())
        return super().write(path, data, expected=expected)


@pytest.mark.parametrize("before", [None, "v1"])
def test_of_two_that_promote_at_once_one_loses(tmp_path: Path, before: str | None) -> None:
    if before is not None:
        write_champion(FolderLake(tmp_path), champion_named(before), expected=ABSENT)
    lake = ContestedLake(tmp_path)
    request = judged(lake, champion=before)

    with pytest.raises(ConflictError):
        promote(request, lake, now_ms=NOW_MS)
    assert require_champion(lake).version == "v3"


@pytest.mark.parametrize("use_case", [promote, keep_champion])
def test_a_run_that_was_not_judged_changes_nothing(
    lake: FolderLake, use_case: Callable[..., dict[str, Any]]
) -> None:
    run = start_run({"run_id": "r2", "raw": "/raw"}, lake)
    with pytest.raises(NotFoundError, match="'r2' has no finished step 'model'"):
        use_case({"run_id": "r2"}, lake, now_ms=NOW_MS)
    facts = {"version": "v2", "path": "models/v2", "cut_ms": 9}
    run.perform("model", rooms=[], params={}, inputs=[], compute=lambda _: facts)

    with pytest.raises(NotFoundError, match="'r2' has no decision of its quality gate yet"):
        use_case({"run_id": "r2"}, lake, now_ms=NOW_MS)
    assert read_champion(lake) == (None, ABSENT)


@pytest.mark.parametrize("champion", [None, "v1"])
def test_a_refusal_is_kept_with_its_reasons_and_the_champion_stays(
    lake: FolderLake, champion: str | None
) -> None:
    if champion is not None:
        write_champion(lake, champion_named(champion), expected=ABSENT)

    answer = keep_champion(judged(lake, outcome="keep", champion=champion), lake, now_ms=NOW_MS)

    assert answer == {"champion": champion, "outcome": "keep", "reasons": ["better"]}
    (record,) = lake.list_objects("refusals")
    kept = lake.read(record)
    assert kept is not None
    assert Refusal.from_bytes(kept.data) == Refusal(
        "v2", "models/v2", 9, "r2", champion, NOW_MS, ("better",)
    )
    assert (read_champion(lake)[0] or champion_named("none")).version == (champion or "none")


def test_a_model_that_is_the_champion_already_was_not_refused(lake: FolderLake) -> None:
    write_champion(lake, champion_named("v2"), expected=ABSENT)
    request = judged(lake, outcome="already_champion", champion="v2")

    assert keep_champion(request, lake, now_ms=NOW_MS)["champion"] == "v2"
    assert lake.list_objects("refusals") == []


def test_a_champion_is_replaced_only_by_whoever_has_seen_it(lake: FolderLake) -> None:
    assert read_champion(lake) == (None, ABSENT)
    write_champion(lake, champion_named("v1"), expected=ABSENT)
    with pytest.raises(ConflictError):
        write_champion(lake, champion_named("v2"), expected=ABSENT)
    champion, tag = read_champion(lake)
    assert champion == champion_named("v1")
    write_champion(lake, champion_named("v2"), expected=tag)

    with pytest.raises(ConflictError):
        write_champion(lake, champion_named("v3"), expected=tag)


def test_a_lake_without_a_champion_says_how_to_get_one(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match=r"no champion in .*; run `endcap run --lake .*` first"):
        require_champion(lake)
    with pytest.raises(NotFoundError, match="no champion"), open_model(lake):
        pass


def test_a_model_that_does_not_exist_is_named(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no model 'v9'"), open_model(lake, "v9"):
        pass


def test_a_damaged_champion_record_is_no_missing_champion(lake: FolderLake) -> None:
    lake.write(CHAMPION_PATH, b"{}")

    with pytest.raises(CorruptArtifactError):
        require_champion(lake)
