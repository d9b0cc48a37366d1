import gc
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.lake_paths import MANIFEST_NAME
from endcap.adapters.verified_files import SETTLED_NS, VerifiedFiles
from endcap.errors import NotFoundError
from endcap.features.registry import FEATURES
from endcap.ports import Lake
from endcap.registry.promotion import CHAMPION_PATH
from endcap.use_cases import champions
from endcap.use_cases.champions import read_champion
from endcap.use_cases.lake_layout import model_path
from endcap.use_cases.live_models import PINNED_AT_ONCE, LiveModel, LiveModels
from endcap.use_cases.release_models import promote_version, roll_back_to
from tests.serving.small_shop import N_ITEMS
from tests.use_cases.foreign_model import file_small_shop

NOW_MS = 1_700_000_000_000


@pytest.fixture
def versions(lake: FolderLake, tmp_path: Path) -> list[str]:
    """Four models of the lake, oldest cut first, none of them champion."""
    found = []
    for n in range(PINNED_AT_ONCE + 2):
        scratch = tmp_path / f"scratch-{n}"
        scratch.mkdir()
        ids = [f"{n}-{item}" for item in range(N_ITEMS)]
        cut_ms = NOW_MS - (10 - n) * 86_400_000
        found.append(file_small_shop(lake, scratch, item_ids=ids, cut_ms=cut_ms))
    return found


def live(lake: Lake) -> LiveModels:
    models = LiveModels(lake, clock=lambda: NOW_MS)
    models.refresh()
    return models


def serving(models: LiveModels) -> str | None:
    return None if models.current is None else models.current.version


def crown(lake: Lake, version: str) -> None:
    promote_version(lake, version, reason="test", now_ms=NOW_MS)


def damage(lake: FolderLake, version: str) -> None:
    """Flip one bit in the middle of the bundle's largest file."""
    folder = Path(lake.uri) / "models" / version
    file = max(
        (f for f in folder.rglob("*") if f.is_file()), key=lambda found: found.stat().st_size
    )
    for path in (folder, *file.parents[: len(file.relative_to(folder).parts) - 1], file):
        path.chmod(0o755)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_the_champion_is_served(lake: FolderLake, versions: list[str]) -> None:
    crown(lake, versions[1])
    models = live(lake)
    assert serving(models) == versions[1]
    assert models.status.problem is None
    assert models.status.champion == versions[1]


def test_a_new_champion_is_served_after_the_next_refresh(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    models = live(lake)
    before = models.current
    crown(lake, versions[1])
    assert models.current is before
    models.refresh()
    assert serving(models) == versions[1]


def test_a_refresh_without_a_new_champion_loads_nothing(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    models = live(lake)
    before = models.current
    models.refresh()
    assert models.current is before


def test_a_flipped_bit_leaves_the_old_model_serving_and_is_told(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    models = live(lake)
    damage(lake, versions[1])
    crown(lake, versions[1])
    models.refresh()
    assert serving(models) == versions[0]
    assert models.status.problem is not None
    assert "do not match their hash" in models.status.problem
    assert models.status.champion == versions[1]


def test_a_broken_model_is_not_tried_at_every_refresh(
    lake: FolderLake, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(lake, versions[1])
    crown(lake, versions[0])
    models = live(lake)
    crown(lake, versions[1])
    tries = []
    load = models._load

    def counted(version: str) -> LiveModel:
        tries.append(version)
        return load(version)

    monkeypatch.setattr(models, "_load", counted)
    for _ in range(20):
        models.refresh()
    # tried, 1 passed over, tried, 2, tried, 4, tried, 8, tried ...
    assert len(tries) == 5


def test_a_start_with_a_broken_champion_serves_its_predecessor(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    crown(lake, versions[1])
    damage(lake, versions[1])
    models = live(lake)
    assert serving(models) == versions[0]
    assert models.status.serving == versions[0]
    assert models.status.problem is not None


def test_a_start_without_a_champion_serves_the_newest_model_that_loads(
    lake: FolderLake, versions: list[str]
) -> None:
    damage(lake, versions[-1])
    models = live(lake)
    assert serving(models) == versions[-2]
    assert models.status.problem == "there is no champion yet; `endcap run` makes one"


def test_a_start_with_a_champion_whose_manifest_is_broken_serves_another(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[-1])
    manifest = Path(lake.uri) / model_path(versions[-1]) / MANIFEST_NAME
    manifest.chmod(0o644)
    manifest.write_bytes(b"{")
    models = live(lake)
    assert serving(models) == versions[-2]
    assert "is not a readable manifest" in str(models.status.problem)


def test_a_start_with_a_champion_record_of_other_kinds_serves_the_newest(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    champion, _ = read_champion(lake)
    assert champion is not None
    lake.write(CHAMPION_PATH, json.dumps({**asdict(champion), "version": 5}).encode())
    models = live(lake)
    assert serving(models) == versions[-1]
    assert "version is 5" in str(models.status.problem)


def test_a_model_of_a_release_with_other_features_is_refused(
    lake: FolderLake, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(lake, versions[0])
    monkeypatch.setattr(champions, "FEATURES", FEATURES[:-1])
    models = live(lake)
    assert serving(models) is None
    assert models.status.problem is not None
    assert f"fitted on {len(FEATURES)} features" in models.status.problem


def test_an_empty_lake_serves_nothing_and_says_so(lake: FolderLake) -> None:
    models = live(lake)
    assert models.current is None
    assert models.status.problem is not None


def test_a_damaged_champion_record_leaves_the_model_serving(
    lake: FolderLake, versions: list[str]
) -> None:
    crown(lake, versions[0])
    models = live(lake)
    lake.write(CHAMPION_PATH, b"{")
    models.refresh()
    assert serving(models) == versions[0]
    assert models.status.problem is not None


def test_a_version_can_be_asked_for_and_few_are_kept(lake: FolderLake, versions: list[str]) -> None:
    crown(lake, versions[0])
    models = live(lake)
    assert models.pinned(versions[0]) is models.current
    first = models.pinned(versions[1])
    assert models.pinned(versions[1]) is first
    for version in versions[2:]:
        models.pinned(version)
    assert models.pinned(versions[1]) is not first


def test_an_unknown_version_is_not_found(lake: FolderLake, versions: list[str]) -> None:
    crown(lake, versions[0])
    with pytest.raises(NotFoundError, match="no model 'nope'"):
        live(lake).pinned("nope")


def test_models_that_nobody_uses_leave_the_memory(lake: FolderLake, versions: list[str]) -> None:
    crown(lake, versions[0])
    models = live(lake)
    for _ in range(3):
        crown(lake, versions[1])
        models.refresh()
        roll_back_to(lake, versions[0], reason="test", now_ms=NOW_MS)
        models.refresh()
    gc.collect()
    with open(f"/proc/{os.getpid()}/maps") as maps:  # noqa: PTH123
        assert versions[1] not in maps.read()


def test_a_model_that_was_verified_before_is_refused_once_a_byte_flips(
    lake: FolderLake, versions: list[str], tmp_path: Path
) -> None:
    crown(lake, versions[1])
    later_ns = time.time_ns() + 10 * SETTLED_NS
    verified = VerifiedFiles(tmp_path / "verified", now_ns=lambda: later_ns)
    for _ in range(2):
        models = LiveModels(lake, clock=lambda: NOW_MS, verified=verified)
        models.refresh()
        assert serving(models) == versions[1]
    damage(lake, versions[1])
    models = LiveModels(lake, clock=lambda: NOW_MS, verified=verified)
    models.refresh()
    assert serving(models) != versions[1]
    assert "do not match their hash" in str(models.status.problem)
