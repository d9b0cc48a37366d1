import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.config import RunConfig
from endcap.dataset.splits import DAY_MS, plan_folds
from endcap.errors import ConfigError, LakeError, NotEnoughDataError, NotFoundError
from endcap.ports import Lake, Manifest
from endcap.use_cases.runs import Run, StepRef, checked_run_id, open_run, start_run, to_json

REQUEST = {"run_id": "r1", "raw": "/data/raw"}


class Bakery:
    """A step that counts how often it is computed."""

    def __init__(self, content: str = "bread") -> None:
        self.content, self.baked = content, 0

    def __call__(self, out: Path) -> Mapping[str, Any]:
        assert list(out.iterdir()) == []
        self.baked += 1
        (out / "loaf.txt").write_text(self.content)
        return {"loaves": 1}


def bake(run: Run, compute: Callable[[Path], Mapping[str, Any]], **changes: object) -> StepRef:
    given: dict[str, Any] = {"rooms": ["dataset"], "params": {"seed": 1}, "inputs": ["raw"]}
    return run.perform("bread", **{**given, **changes}, compute=compute)


@pytest.fixture
def run(lake: FolderLake) -> Run:
    return start_run(REQUEST, lake)


def test_a_step_is_computed_once_and_found_again_by_every_run(lake: FolderLake, run: Run) -> None:
    bakery = Bakery()

    first = bake(run, bakery)
    again = bake(run, bakery)
    other = bake(start_run({**REQUEST, "run_id": "r2"}, lake), bakery)

    assert bakery.baked == 1
    assert [first.reused, again.reused, other.reused] == [False, True, True]
    assert {(ref.path, ref.digest, ref.facts["loaves"]) for ref in (first, again, other)} == {
        (first.path, first.digest, 1)
    }
    with lake.open(first.path) as folder:
        assert (folder / "loaf.txt").read_text() == "bread"


def test_each_run_records_where_its_steps_lie(lake: FolderLake, run: Run) -> None:
    made = bake(run, Bakery())

    assert run.ref("bread") == made
    assert open_run("r1", lake).ref("bread") == made
    with pytest.raises(NotFoundError, match="run 'r2' has no finished step 'bread'"):
        start_run({**REQUEST, "run_id": "r2"}, lake).ref("bread")


@pytest.mark.parametrize(
    "change",
    [{"params": {"seed": 2}}, {"inputs": ["other"]}, {"rooms": ["dataset", "features"]}],
)
def test_a_step_is_computed_anew_when_what_it_depends_on_changed(
    run: Run, change: dict[str, Any]
) -> None:
    bakery = Bakery()
    first = bake(run, bakery)

    assert bake(run, bakery, **change).path != first.path
    assert bakery.baked == 2


def test_an_input_counts_by_its_content_not_by_its_place(run: Run) -> None:
    flour = run.perform("flour", rooms=["dataset"], params={"mill": 1}, inputs=[], compute=Bakery())
    same = run.perform("flour", rooms=["dataset"], params={"mill": 2}, inputs=[], compute=Bakery())
    rye = run.perform(
        "flour", rooms=["dataset"], params={"mill": 3}, inputs=[], compute=Bakery("rye")
    )

    paths = [bake(run, Bakery(), inputs=[flour_ref]).path for flour_ref in (flour, same, rye)]

    assert flour.path != same.path
    assert paths[0] == paths[1] != paths[2]


def test_a_step_that_fails_leaves_nothing_and_is_computed_next_time(
    lake: FolderLake, run: Run
) -> None:
    def burn(out: Path) -> Mapping[str, Any]:
        (out / "half.txt").write_text("half a loaf")
        raise NotEnoughDataError("no flour")

    with pytest.raises(NotEnoughDataError, match="no flour"):
        bake(run, burn)
    with pytest.raises(NotFoundError):
        run.ref("bread")
    assert lake.list_folders("steps") == []

    assert not bake(run, Bakery()).reused


def test_of_two_that_compute_at_once_the_first_to_finish_wins(lake: FolderLake, run: Run) -> None:
    quicker = start_run({**REQUEST, "run_id": "quicker"}, lake)

    def overtaken(out: Path) -> Mapping[str, Any]:
        bake(quicker, Bakery("quick bread"))
        return Bakery("slow bread")(out)

    assert bake(run, overtaken).digest == quicker.ref("bread").digest


class Kitchen(FolderLake):
    """A lake that remembers the tables it was given."""

    tables: Mapping[str, str] | None = None

    def commit(
        self,
        path: str,
        staged: Path,
        *,
        facts: Mapping[str, Any],
        tables: Mapping[str, str] | None = None,
    ) -> Manifest:
        self.tables = tables
        return super().commit(path, staged, facts=facts)


def test_a_step_hands_its_tables_to_the_lake(tmp_path: Path) -> None:
    kitchen = Kitchen(tmp_path)

    bake(start_run(REQUEST, kitchen), Bakery(), tables={"loaves": "loaves"})

    assert kitchen.tables == {"loaves": "loaves"}


def test_a_run_keeps_its_log_its_whole_configuration_and_its_mapping(lake: FolderLake) -> None:
    lake.write("settings/c.json", b'{"seed": 7}')
    lake.write("settings/m.json", b'{"name": "ours"}')
    request = {**REQUEST, "config": "settings/c.json", "mapping": "settings/m.json"}

    run = start_run(request, lake)

    assert (run.raw, run.config, run.mapping) == (
        "/data/raw",
        RunConfig(seed=7),
        {"name": "ours"},
    )
    assert open_run("r1", lake) == run
    kept = lake.read("runs/r1/run.json")
    assert kept is not None
    assert json.loads(kept.data)["config"]["publish"]["k"] == 20


def test_a_run_of_the_same_name_takes_the_new_request(lake: FolderLake, run: Run) -> None:
    assert start_run({**REQUEST, "raw": "/data/mended"}, lake).raw == "/data/mended"
    assert open_run(run.run_id, lake).raw == "/data/mended"


@pytest.mark.parametrize("run_id", ["", "-r", ".r", "r/1", "../r", "r 1", "ü", "r" * 81, "r\n"])
def test_a_run_cannot_be_called_what_is_no_name_of_a_folder(lake: Lake, run_id: str) -> None:
    with pytest.raises(ConfigError, match=r"run id .* must be 1 to 80 letters"):
        start_run({**REQUEST, "run_id": run_id}, lake)


@pytest.mark.parametrize("run_id", ["r", "r" * 80, "run-20150918T025947.1_b"])
def test_a_name_that_can_be_used_comes_back(run_id: str) -> None:
    assert checked_run_id(run_id) == run_id


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (b'{"ranking": {"trails": 3}}', "configuration: ranking.trails: Extra inputs"),
        (b'{"seed": -1}', "configuration: seed: "),
        (b"[1]", "settings/c.json: must hold a table"),
        (b"seed = 1", "settings/c.json: is not JSON"),
    ],
)
def test_a_wrong_configuration_is_named_with_its_key(
    lake: FolderLake, settings: bytes, complaint: str
) -> None:
    lake.write("settings/c.json", settings)

    with pytest.raises(ConfigError, match=complaint):
        start_run({**REQUEST, "config": "settings/c.json"}, lake)
    assert lake.read("runs/r1/run.json") is None


def test_a_request_must_name_the_raw_log(lake: FolderLake) -> None:
    with pytest.raises(ConfigError, match="has no 'raw'"):
        start_run({"run_id": "r1"}, lake)


def test_settings_that_are_not_there_are_named(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match=r"no settings object 'settings/none.json'"):
        start_run({**REQUEST, "mapping": "settings/none.json"}, lake)
    with pytest.raises(LakeError, match="refused"):
        start_run({**REQUEST, "config": "/etc/passwd"}, lake)


def test_a_run_that_was_never_started_is_not_found(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match=r"no run 'r9' in .*; `endcap run` starts one"):
        open_run("r9", lake)


def test_a_run_of_another_release_is_named_with_the_setting_it_has_too_many(
    lake: FolderLake,
) -> None:
    record = {"raw": "/data/raw", "config": {"oven": 1}, "mapping": None}
    lake.write("runs/old/run.json", to_json(record))

    with pytest.raises(ConfigError, match="run 'old': oven: "):
        open_run("old", lake)


def test_the_folds_follow_from_the_cleaned_log_and_the_configuration(run: Run) -> None:
    facts = {"first_event_ms": 0, "last_event_ms": 100 * DAY_MS, "moments": 300_000}
    run.perform("clean", rooms=["dataset"], params={}, inputs=[], compute=lambda _: facts)

    wanted = run.config.ranking.max_queries
    assert tuple(run.folds().values()) == plan_folds(
        0, 100 * DAY_MS, run.config.split, moments=300_000, wanted=wanted
    )
    assert run.fold("ranking").days == pytest.approx(wanted / 3000)
    assert list(run.folds()) == ["ranking", "calibration", "test", "serving"]
    assert run.fold("test") == run.folds()["test"]
    with pytest.raises(NotFoundError, match="no fold 'training'; this run has ranking, "):
        run.fold("training")


def test_an_object_of_a_run_is_read_back_as_it_was_written(run: Run) -> None:
    run.write_json("gate.json", {"promote": True})

    assert run.read_json("gate.json", "gate") == {"promote": True}
    with pytest.raises(NotFoundError, match="run 'r1' has no gate yet"):
        run.read_json("no.json", "gate yet")


def test_json_depends_on_the_content_alone() -> None:
    assert to_json({"b": 1, "a": [2.5]}) == to_json({"a": [2.5], "b": 1})
    assert to_json({"a": 1}) == b'{\n "a": 1\n}\n'
