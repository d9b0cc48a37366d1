import json
from pathlib import Path

import pytest

from tests.workflow.command_line import (
    champion_of,
    list_models,
    models_after,
    printed_by,
    reused_steps,
    succeed,
    train,
)

pytestmark = pytest.mark.slow

BEFORE_THE_RANKER = (
    *("clean", "features-", "items", "queries", "retrieval-", "candidates-"),
    "baseline",
)
FREE_OF_CHANCE = ("clean", "features-", "items")


def test_the_same_input_config_and_seed_give_the_same_bytes_in_another_lake(
    tiny_shop: Path, quick_config: Path, finished_lake: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "lake"

    train(tiny_shop, other, quick_config)

    (model,) = list_models(other)
    assert [model] == list_models(finished_lake)
    assert {"ranker", "retrieval", "item_table"} <= {name.split("/")[0] for name in model["files"]}
    boards = [succeed("scoreboard", "--lake", lake, "--json") for lake in (finished_lake, other)]
    assert boards[0] == boards[1]
    assert json.loads(boards[0])
    published = [recommendations(lake) for lake in (finished_lake, other)]
    assert published[0] == published[1]


def test_a_second_run_reuses_every_step_and_the_champion_stays(
    finished_lake: Path, visited_lake: Path
) -> None:
    steps = reused_steps(visited_lake, "again")
    assert len(steps) > 20
    assert all(steps.values())
    assert models_after(visited_lake, "again") == list_models(finished_lake)
    version = champion_of(models_after(visited_lake, "again"))["version"]
    assert f"{version} goes on serving" in printed_by(visited_lake, "again")


def test_a_change_of_the_ranker_alone_reuses_what_comes_before_it(visited_lake: Path) -> None:
    steps = reused_steps(visited_lake, "worse")
    before = {step for step in steps if step.startswith(BEFORE_THE_RANKER)}
    assert {step for step in steps if steps[step]} - {"recommendations"} == before
    after = {"tuning", "ranker", "calibration", "als-to-yetirank", "evaluation", "model"}
    assert {step for step in steps if not steps[step]} == after


def test_another_seed_gives_another_model_from_the_same_clean_log(
    finished_lake: Path, visited_lake: Path
) -> None:
    (first,) = list_models(finished_lake)
    earlier = {model["version"] for model in models_after(visited_lake, "worse")}
    (new,) = [m for m in models_after(visited_lake, "seeded") if m["version"] not in earlier]
    assert new["files"].keys() == first["files"].keys()
    changed = {name for name in new["files"] if new["files"][name] != first["files"][name]}
    assert {"ranker", "retrieval"} <= {name.split("/")[0] for name in changed}
    steps = reused_steps(visited_lake, "seeded")
    reused = {step for step in steps if steps[step]}
    assert reused == {step for step in steps if step.startswith(FREE_OF_CHANCE)}


def recommendations(lake: Path) -> bytes:
    """Return the one table of batch recommendations in a lake."""
    (table,) = (lake / "steps" / "recommendations").glob("*/recommendations/part-0.parquet")
    return table.read_bytes()
