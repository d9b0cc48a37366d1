import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.access import SCOPES, Door, LoopbackDoor
from api.app import create_app
from api.service import Service, ServiceParts
from endcap.adapters.folder_lake import FolderLake
from endcap.ports import Lake
from endcap.use_cases.release_models import promote_version
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.fakes import MemoryHistory, MemoryLog
from tests.use_cases.foreign_model import file_small_shop

# The small shop's clock begins with the epoch; a service refuses events before the year 2000.
NOW_MS = 1_000_000_000_000


@dataclass
class Shop:
    """A service over stores in memory, and a client that talks to it in process."""

    lake: Lake
    door: Door = field(default_factory=LoopbackDoor)
    history: MemoryHistory = field(default_factory=MemoryHistory)
    log: MemoryLog = field(default_factory=MemoryLog)
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        ids = count()
        self.service = Service(
            ServiceParts(
                lake=self.lake,
                history=self.history,
                log=self.log,
                door=self.door,
                now=lambda: self.now_ms,
                new_id=lambda: f"id-{next(ids)}",
                refresh_seconds=3600,
                repair_seconds=3600,
                log_key=b"key",
            )
        )
        self.app = create_app(self.service)
        self.service.load()
        # Not as a context: no thread runs, so that a test decides what happens when.
        self.client = TestClient(
            self.app, base_url="http://localhost", raise_server_exceptions=False
        )

    def event(self, event_id: str, item_id: str, **more: object) -> dict[str, object]:
        """Return an event of Ann's as a caller writes it."""
        return {"event_id": event_id, "user_id": "ann", "item_id": item_id, **more}


@pytest.fixture(scope="session")
def _filed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("service")
    lake = FolderLake(folder / "lake")
    versions = []
    for name in ("a", "b"):
        (folder / name).mkdir()
        ids = [f"{name}{item}" for item in range(N_ITEMS)]
        versions.append(file_small_shop(lake, folder / name, item_ids=ids, cut_ms=CUT_MS))
    return folder / "lake", versions


@pytest.fixture
def lake(_filed: tuple[Path, list[str]], tmp_path: Path) -> FolderLake:
    """A lake of the test's own with two models, of items a0 ... and b0 ...; the first serves."""
    lake = FolderLake(shutil.copytree(_filed[0], tmp_path / "lake"))
    promote_version(lake, _filed[1][0], reason="test", now_ms=1)
    return lake


@pytest.fixture
def versions(_filed: tuple[Path, list[str]]) -> list[str]:
    """The two models of the lake."""
    return _filed[1]


@pytest.fixture
def shop(lake: FolderLake) -> Iterator[Shop]:
    """A service whose callers may do everything."""
    shop = Shop(lake)
    yield shop
    shop.client.close()


ALL = SCOPES
