"""Nothing looks past its cut: rows from after it change no byte of what was made for it.

The log ends at an as-of time, so that the four cuts stay where they are whatever is planted. Rows
from one moment on are then planted and taken away, for every moment that something is made for:
what was made for that moment or an earlier one must stay, and all that was made for a later one
must change, without which this test could not fail.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from endcap.config import SplitConfig
from endcap.dataset.splits import Fold, plan_folds
from endcap.features.families import FAMILIES
from tests.workflow.built_once import built_once
from tests.workflow.command_line import succeed, train
from tests.workflow.conftest import WriteConfig
from tests.workflow.marked_rows import (
    EVENTS,
    MARKED_ITEM,
    MARKED_VISITOR,
    PROPERTIES,
    append_rows,
    copy_rows,
    dated_rows,
    plant_rows,
)
from tests.workflow.step_files import step_facts, step_files, step_folder

pytestmark = pytest.mark.slow

AS_OF = datetime(2015, 6, 27, 9, 30, 0, 250_000, tzinfo=UTC)
AS_OF_MS = 1_435_397_400_250
FOLDS = ("ranking", "calibration", "test", "serving")
DATA_REPORT = ("clean/report.json", "clean/report.html")
DAY_MS = 86_400_000
RUN = "only"


@dataclass(frozen=True)
class Known:
    """A finished run over the log as it was at the as-of time: nobody has seen what came later."""

    raw: Path
    lake: Path
    config: Path
    files: dict[str, str]
    folds: tuple[Fold, ...]


@pytest.fixture(scope="module")
def known(
    tiny_shop: Path, write_config: WriteConfig, tmp_path_factory: pytest.TempPathFactory
) -> Known:
    split = {"as_of": AS_OF.isoformat()}
    config = write_config({"split": split, "shards": 1})

    def build(folder: Path) -> None:
        raw = copy_rows(tiny_shop, folder / "raw", lambda _, time_ms: time_ms < AS_OF_MS)
        train(raw, folder / "lake", config, "--run-id", RUN)

    folder = built_once(tmp_path_factory, "known-before-as-of", build)
    facts = step_facts(folder / "lake", RUN, "clean")
    folds = plan_folds(
        facts["first_event_ms"],
        facts["last_event_ms"],
        SplitConfig.model_validate(split),
        moments=facts["moments"],
        wanted=json.loads(config.read_text())["ranking"]["max_queries"],
    )
    return Known(folder / "raw", folder / "lake", config, step_files(folder / "lake", RUN), folds)


def test_rows_from_the_as_of_time_on_change_nothing_but_the_data_report(
    known: Known, tiny_shop: Path, tmp_path: Path
) -> None:
    raw = copy_rows(known.raw, tmp_path / "raw", lambda _, time_ms: time_ms < AS_OF_MS)
    later = {name: dated_rows(tiny_shop, name, from_ms=AS_OF_MS) for name in (EVENTS, *PROPERTIES)}
    assert min(len(later[EVENTS]), len(later[PROPERTIES[1]])) > 100
    for name, rows in later.items():
        append_rows(raw, name, rows)
    plant_rows(raw, at_ms=AS_OF_MS, until_ms=AS_OF_MS + 9 * DAY_MS)
    lake = tmp_path / "lake"

    train(raw, lake, known.config, "--run-id", RUN)

    found = step_files(lake, RUN)
    differing = {name for name in known.files | found if known.files.get(name) != found.get(name)}
    assert differing == set(DATA_REPORT)
    for step in ("clean", "model"):
        assert step_facts(lake, RUN, step) == step_facts(known.lake, RUN, step)
    report = json.loads((step_folder(lake, RUN, "clean") / "report.json").read_text())
    assert report["files"][0]["after_as_of"] > len(later[EVENTS])
    answer = json.loads(succeed("recommend", "--lake", lake, "--user", MARKED_VISITOR, "--json"))
    assert answer["known_events"] == 0
    assert MARKED_ITEM not in {item["item_id"] for item in answer["items"]}


@pytest.mark.parametrize("place", [-1, 0, 1, 2], ids=["before all cuts", *FOLDS[:3]])
def test_rows_from_a_cut_on_change_what_was_made_for_later_cuts_and_nothing_else(
    known: Known, tmp_path: Path, place: int
) -> None:
    window = (known.folds[0].cut_ms - DAY_MS, known.folds[0].cut_ms)
    if place >= 0:
        window = (known.folds[place].cut_ms, known.folds[place].end_ms)
    raw = copy_rows(
        known.raw, tmp_path / "raw", lambda row, time_ms: time_ms < window[0] or len(row) % 3 > 0
    )
    plant_rows(raw, at_ms=window[0], until_ms=window[1])
    lake = tmp_path / "lake"

    train(raw, lake, known.config, "--run-id", RUN)

    found = step_files(lake, RUN)
    must_change = {
        **{part: i > place for i, fold in enumerate(FOLDS) for part in made_before(fold)},
        **{part: i >= place for i, fold in enumerate(FOLDS) for part in made_within(fold)},
    }
    assert all(below(found, part) for part in must_change)
    assert must_change == {
        part: below(known.files, part) != below(found, part) for part in must_change
    }


def made_before(fold: str) -> list[str]:
    """Return the outputs that see nothing at or after the fold's cut."""
    families = [f"features-{family}/{fold}/" for family in FAMILIES]
    return [*families, f"items/{fold}/", f"retrieval-{fold}/"]


def made_within(fold: str) -> list[str]:
    """Return the outputs that see the fold's window, and nothing after it."""
    return {
        "ranking": [
            "queries/ranking/",
            "retrieval-tuning/",
            "candidates-ranking-0/",
            "tuning/",
            "ranker/",
        ],
        "calibration": ["queries/calibration/", "candidates-calibration-0/", "calibration/"],
        "test": ["queries/test/", "candidates-test-0/", "evaluation/"],
        "serving": ["model/"],
    }[fold]


def below(files: Mapping[str, str], part: str) -> dict[str, str]:
    return {name: sha256 for name, sha256 in files.items() if name.startswith(part)}
