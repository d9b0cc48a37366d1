import subprocess
import sys
from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.config import RunConfig
from endcap.ports import Manifest
from endcap.registry.promotion import Champion, Refusal
from endcap.use_cases.champions import read_champion, write_champion
from endcap.use_cases.promote import promote
from endcap.use_cases.runs import open_run, to_json
from tests.workflow.command_line import champion_of, list_models, models_after, printed_by

PROMOTER = Path(__file__).with_name("killed_promoter.py")

OLD = Champion("old", "models/old", 1, "first", None, 1, ("there was none",))


@pytest.mark.slow
def test_a_model_that_lost_is_refused_with_reasons_and_the_champion_goes_on_serving(
    finished_lake: Path, visited_lake: Path
) -> None:
    (champion,) = list_models(finished_lake)
    models = models_after(visited_lake, "worse")
    assert champion_of(models) == champion
    (refused,) = [model for model in models if not model["champion"]]

    (record,) = (visited_lake / "refusals").glob("*-worse.json")
    refusal = Refusal.from_bytes(record.read_bytes())
    assert (refusal.version, refusal.champion) == (refused["version"], champion["version"])
    lost = f"may be worse than the champion {champion['version']}"
    assert any(reason.startswith(lost) for reason in refusal.reasons)

    printed = printed_by(visited_lake, "worse")
    assert f"Refused {refused['version']}; {champion['version']} goes on serving" in printed
    assert all(f"  - {reason}\n" in printed for reason in refusal.reasons)


def test_a_promotion_killed_at_any_moment_leaves_the_old_champion_or_the_new(
    tmp_path: Path,
) -> None:
    template, copies = tmp_path / "lake", tmp_path / "copies"
    prepare_promotion(template)
    copies.mkdir()
    subprocess.run([sys.executable, PROMOTER, template, copies], check=True)

    found = []
    for number in range(1, len(list(copies.iterdir())) + 1):
        lake = FolderLake(copies / str(number))
        champion, _ = read_champion(lake)
        assert champion is not None
        found.append(champion.version)
        promote({"run_id": "new"}, lake, now_ms=3)
        again, _ = read_champion(lake)
        assert again is not None
        assert (again.version, again.promoted_from) == ("new", "old")
    changed = found.index("new")
    assert found[:changed] == ["old"] * changed
    assert found[changed:] == ["new"] * (len(found) - changed)
    assert 3 < changed < len(found) - 1


def prepare_promotion(root: Path) -> None:
    """Make a lake in which the run "new" has passed the gate against the champion `OLD`."""
    lake = FolderLake(root)
    record = {"raw": "raw", "config": RunConfig().model_dump(mode="json"), "mapping": None}
    lake.write("runs/new/run.json", to_json(record))
    run = open_run("new", lake)
    for version in ("older", "old", "new"):
        with lake.staging() as staged:
            (staged / "ranker").write_text(version)
            lake.commit(f"models/{version}", staged, facts={})
    facts = {"version": "new", "path": "models/new", "cut_ms": 2}
    run.record("model", Manifest("steps/model/1", "0" * 64, {}, facts), reused=False)
    run.write_json("gate.json", {"champion": "old", "reasons": ["not worse"], "version": "new"})
    write_champion(lake, OLD, expected="")
