from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.features.registry import FEATURES
from endcap.registry.promotion import CHAMPION_PATH
from endcap.use_cases import champions
from tests.api.conftest import Shop


def serving(shop: Shop) -> str:
    version: str = shop.client.get("/v1/users/ann/recommendations").json()["model_version"]
    return version


def test_models_are_listed(shop: Shop, versions: list[str]) -> None:
    fields = shop.client.get("/v1/models").json()
    assert {model["version"]: model["champion"] for model in fields["models"]} == {
        versions[0]: True,
        versions[1]: False,
    }
    assert (fields["serving"], fields["problem"]) == (versions[0], None)


def test_a_promoted_model_is_served_after_the_next_refresh(shop: Shop, versions: list[str]) -> None:
    answer = shop.client.post(f"/v1/models/{versions[1]}/promote")
    assert answer.json()["promoted_from"] == versions[0]
    assert serving(shop) == versions[0]
    shop.service.models.refresh()
    assert serving(shop) == versions[1]


def test_a_rollback_goes_to_the_one_before(shop: Shop, versions: list[str]) -> None:
    shop.client.post(f"/v1/models/{versions[1]}/promote")
    answer = shop.client.post("/v1/models/rollback", json={"reason": "worse"})
    assert answer.json()["version"] == versions[0]
    assert answer.json()["reasons"] == ["rolled back: worse"]


def test_a_rollback_needs_no_body(shop: Shop) -> None:
    answer = shop.client.post("/v1/models/rollback")
    assert answer.status_code == 404
    assert "is the first champion" in answer.json()["detail"]


def test_an_unknown_model_cannot_be_promoted(shop: Shop) -> None:
    assert shop.client.post("/v1/models/nope/promote").status_code == 404


def test_a_broken_champion_leaves_the_old_model_serving_and_is_told(
    shop: Shop, lake: FolderLake, versions: list[str]
) -> None:
    folder = Path(lake.uri) / "models" / versions[1]
    file = next(file for file in folder.rglob("*.npy") if file.stat().st_size > 500)
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[400] ^= 1
    file.write_bytes(data)
    shop.client.post(f"/v1/models/{versions[1]}/promote")
    shop.service.models.refresh()
    assert serving(shop) == versions[0]
    ready = shop.client.get("/v1/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "do not match their hash" in ready.json()["problems"][0]
    assert "endcap_model_problem 1.0" in shop.client.get("/v1/metrics").text
    pinned = {"X-Model-Version": versions[1]}
    answer = shop.client.get("/v1/users/ann/recommendations", headers=pinned)
    assert answer.status_code == 409


def test_a_named_model_of_another_release_is_no_fault_of_the_request(
    shop: Shop, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(champions, "FEATURES", FEATURES[:-1])
    headers = {"X-Model-Version": versions[1]}
    answer = shop.client.get("/v1/users/ann/recommendations", headers=headers)
    assert answer.status_code == 409
    assert "serve it with the release that made it" in answer.json()["detail"]


def test_an_empty_lake_answers_empty_and_is_not_ready(tmp_path: Path) -> None:
    shop = Shop(FolderLake(tmp_path / "nothing"))
    answer = shop.client.get("/v1/users/ann/recommendations")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert answer.json()["degraded"] == ["no_model"]
    assert shop.client.get("/v1/trending").json()["items"] == []
    assert shop.client.post("/v1/events", json=shop.event("e1", "a7")).status_code == 200
    ready = shop.client.get("/v1/health/ready")
    assert ready.status_code == 503
    assert ready.json()["problems"] == ["there is no champion yet; `endcap run` makes one"]


def test_a_damaged_champion_record_is_no_server_error(shop: Shop, lake: FolderLake) -> None:
    lake.write(CHAMPION_PATH, b"{")
    assert shop.client.post("/v1/models/rollback").status_code == 409
