import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from tests.workflow.built_once import built_once
from tests.workflow.command_line import list_models, train

QUICK: Mapping[str, Mapping[str, Any]] = {
    "retrieval": {
        "als": {"factors": 8, "iterations": 3},
        "candidates_per_source": 30,
        "popular_candidates": 20,
    },
    "retrieval_tuning": {"trials": 2, "max_queries": 300},
    "ranking": {
        "max_queries": 400,
        "negatives_per_query": 10,
        "trials": 1,
        "iterations": 20,
        "tuning_iterations": 10,
        "depth": 4,
    },
    "uncertainty": {"max_queries": 400},
    "evaluation": {"max_queries": 300, "bootstrap_samples": 50, "baseline_trials": 1},
    "publish": {"max_users": 50},
}
"""A whole run over the tiny shop in a few seconds, most of them spent on starting processes."""

WriteConfig = Callable[[Mapping[str, Any]], Path]


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw log of a tiny shop. To be read only."""
    return built_once(
        tmp_path_factory, "tiny-shop", lambda folder: simulate(folder, scale=TINY, seed=7)
    )


@pytest.fixture(scope="session")
def write_config(tmp_path_factory: pytest.TempPathFactory) -> WriteConfig:
    """Writes a configuration file: the quick one, with these sections' keys and numbers instead."""

    def write(changes: Mapping[str, Any]) -> Path:
        config: dict[str, Any] = {**QUICK}
        for key, change in changes.items():
            config[key] = {**config.get(key, {}), **change} if isinstance(change, dict) else change
        file = tmp_path_factory.mktemp("config") / "endcap.json"
        file.write_text(json.dumps(config))
        return file

    return write


@pytest.fixture(scope="session")
def quick_config(write_config: WriteConfig) -> Path:
    """A configuration file for a quick run."""
    return write_config({})


@pytest.fixture(scope="session")
def finished_lake(
    tmp_path_factory: pytest.TempPathFactory, tiny_shop: Path, quick_config: Path
) -> Path:
    """The lake of one finished run over the tiny shop. To be read only: copy it to change it."""

    def build(folder: Path) -> None:
        train(tiny_shop, folder, quick_config)

    return built_once(tmp_path_factory, "finished-lake", build)


@pytest.fixture
def lake(finished_lake: Path, tmp_path: Path) -> Path:
    """A copy of the finished lake, of the test's own."""
    return shutil.copytree(finished_lake, tmp_path / "lake")


@pytest.fixture(scope="session")
def visited_lake(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_shop: Path,
    finished_lake: Path,
    quick_config: Path,
    write_config: WriteConfig,
) -> Path:
    """A lake with three more runs over the same shop after the first. To be read only.

    "again": the same command once more; "worse": a ranker of one stump, the rest alike;
    "seeded": another seed. Beside each one's records lie ``printed.txt``, what it printed, and
    ``models.json``, the models that were listed after it.
    """
    configs = {
        "again": quick_config,
        "worse": write_config({"ranking": {"iterations": 1, "depth": 1, "trials": 0}}),
        "seeded": write_config({"seed": 43}),
    }

    def build(folder: Path) -> None:
        shutil.copytree(finished_lake, folder, dirs_exist_ok=True)
        for run_id, config in configs.items():
            printed = train(tiny_shop, folder, config, "--run-id", run_id)
            models = list_models(folder)
            (folder / "runs" / run_id / "printed.txt").write_text(printed)
            (folder / "runs" / run_id / "models.json").write_text(json.dumps(models))

    return built_once(tmp_path_factory, "visited-lake", build)
