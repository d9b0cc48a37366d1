import shutil
from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from tests.use_cases.small_run import log_rows, train_model, write_log


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    """An empty lake."""
    return FolderLake(tmp_path / "lake")


@pytest.fixture(scope="session")
def raw_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a small shop. To be read only."""
    return write_log(tmp_path_factory.mktemp("shop") / "raw", log_rows())


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory, raw_log: Path) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "lake"
    train_model(FolderLake(folder), "first", raw_log)
    return folder


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> FolderLake:
    """A lake of the test's own in which the run ``first`` has registered a model."""
    return FolderLake(shutil.copytree(_trained, tmp_path / "trained"))
