from collections.abc import Mapping
from pathlib import Path

import pytest

from api.access import GatewayDoor
from api.building import build_service, new_id, wall_clock
from api.service import Service
from api.settings import ServiceSettings
from endcap.errors import ConfigError


def environ(folder: Path) -> dict[str, str]:
    return {
        "ENDCAP_LAKE_URI": str(folder / "lake"),
        "ENDCAP_HISTORY_URI": str(folder / "history.sqlite"),
        "ENDCAP_RECORD_LOG_URI": str(folder / "log"),
        "ENDCAP_CACHE_DIR": str(folder / "cache"),
        "ENDCAP_OPERATORS": "arn:aws:iam::1:role/ops",
    }


def build(given: Mapping[str, str]) -> Service:
    def door(settings: ServiceSettings) -> GatewayDoor:
        return GatewayDoor(settings.operators)

    service, _ = build_service(given, door)
    return service


def test_a_service_is_built_without_touching_anything(tmp_path: Path) -> None:
    service = build(environ(tmp_path))
    assert service.lake.uri == str(tmp_path / "lake")
    assert service.door == GatewayDoor(("arn:aws:iam::1:role/ops",))
    assert service.models.current is None
    assert list(tmp_path.iterdir()) == []


def test_two_processes_hash_users_differently_unless_told_the_key(tmp_path: Path) -> None:
    given = environ(tmp_path)
    assert build(given).log_key != build(given).log_key
    assert build({**given, "ENDCAP_LOG_KEY": "k"}).log_key == b"k"


@pytest.mark.parametrize("name", ["ENDCAP_LAKE_URI", "ENDCAP_HISTORY_URI", "ENDCAP_RECORD_LOG_URI"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        build({**environ(tmp_path), name: " "})


def test_ids_differ_and_the_clock_shows_milliseconds() -> None:
    assert new_id() != new_id()
    assert 1_600_000_000_000 < wall_clock() < 10_000_000_000_000
