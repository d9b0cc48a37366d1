"""Every problem that the OpenAPI document tells of, brought about."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from api.access import TokenDoor
from api.settings import MAX_BODY_BYTES
from endcap.adapters import folder_lake
from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.segment_log import SegmentLog
from endcap.use_cases.lake_layout import LATEST_DRIFT, LATEST_METRICS, LATEST_SCOREBOARD
from tests.api.conftest import Shop
from tests.api.described import JSON, OPERATIONS, complaints, content_of, send, tag_of, values
from tests.api.test_access import FixedDoor

PINNING = ("recommendations", "items")
"""Tags of the operations that take a version's header."""

# What it takes to be told each problem; where an operation is not named, all of them.
Provoke = Callable[[Shop, list[str], pytest.MonkeyPatch, str], httpx.Response]


def unknown_caller(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    return send(Shop(shop.lake, TokenDoor("t")).client, operation, versions)


def caller_without_scopes(
    shop: Shop, versions: list[str], _: object, operation: str
) -> httpx.Response:
    return send(Shop(shop.lake, FixedDoor()).client, operation, versions)


def large_body(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    return send(shop.client, operation, versions, content=b" " * (MAX_BODY_BYTES + 1))


def body_of_no_kind(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    return send(shop.client, operation, versions, headers={})


def broken_model(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    file = Path(shop.lake.uri) / "models" / versions[1] / "ranker" / "leaf_values.npy"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"\x07")
    headers = {**JSON, "X-Model-Version": versions[1]}
    return send(shop.client, operation, versions, headers=headers)


def broken_disk(
    shop: Shop, versions: list[str], monkeypatch: pytest.MonkeyPatch, operation: str
) -> httpx.Response:
    def fail(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(folder_lake, "_read_if_there", fail)
    headers = {**JSON, "X-Model-Version": versions[1]}
    pins = tag_of(operation) in PINNING
    return send(shop.client, operation, versions, headers=headers if pins else JSON)


def lost_race(
    shop: Shop, versions: list[str], monkeypatch: pytest.MonkeyPatch, operation: str
) -> httpx.Response:
    write = FolderLake.write

    def late(lake: FolderLake, path: str, data: bytes, *, expected: str | None = None) -> str:
        write(lake, path, b"another")
        return write(lake, path, data, expected=expected)

    monkeypatch.setattr(FolderLake, "write", late)
    return send(shop.client, operation, versions)


def full_disk(
    shop: Shop, versions: list[str], monkeypatch: pytest.MonkeyPatch, operation: str
) -> httpx.Response:
    def fail(_: int, __: memoryview) -> int:
        raise OSError(28, "No space left on device")

    shop.service.log = SegmentLog(Path(shop.lake.uri).with_name("log"))
    monkeypatch.setattr("endcap.adapters.segment_log.os.write", fail)
    return send(shop.client, operation, versions)


def nothing_there(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    empty = Shop(FolderLake(Path(shop.lake.uri) / "empty"))
    return send(empty.client, operation, versions)


def half_written(path: str) -> Provoke:
    def provoke(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
        shop.lake.write(path, b"")
        return send(shop.client, operation, versions)

    return provoke


def sending(**more: object) -> Provoke:
    def provoke(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
        return send(shop.client, operation, versions, **more)

    return provoke


def serving_itself(shop: Shop, versions: list[str], _: object, operation: str) -> httpx.Response:
    return send(shop.client, operation, versions, body={"version": versions[0]})


USERS = "/v1/users/ann/recommendations"
LONG = "x" * 129
PROVOKED: dict[int, Provoke | dict[str, Provoke]] = {
    401: unknown_caller,
    403: caller_without_scopes,
    413: large_body,
    415: body_of_no_kind,
    404: {
        "GET /v1/users/{user_id}/recommendations": sending(path=f"{USERS}?category=shoes"),
        "POST /v1/recommendations": sending(body={"category": ["shoes"]}),
        "POST /v1/recommendations/batch": sending(headers={**JSON, "X-Model-Version": "nope"}),
        "POST /v1/rank": sending(body={"items": ["a1"], "outcome": "wish"}),
        "GET /v1/trending": sending(path="/v1/trending?category=shoes"),
        "GET /v1/items/{item_id}/similar": sending(path="/v1/items/nope/similar"),
        "POST /v1/models/{version}/promote": sending(path="/v1/models/nope/promote"),
        "POST /v1/models/rollback": sending(body={}),
        "GET /v1/monitoring/performance": nothing_there,
        "GET /v1/monitoring/drift": nothing_there,
        "GET /v1/monitoring/traffic": nothing_there,
    },
    409: {
        "GET /v1/models": half_written("champion.json"),
        "POST /v1/models/{version}/promote": lost_race,
        "POST /v1/models/rollback": lost_race,
        "GET /v1/monitoring/performance": half_written(LATEST_SCOREBOARD),
        "GET /v1/monitoring/drift": half_written(LATEST_DRIFT),
        "GET /v1/monitoring/traffic": half_written(LATEST_METRICS),
    }
    | dict.fromkeys([name for name in OPERATIONS if tag_of(name) in PINNING], broken_model),
    422: {
        "GET /v1/users/{user_id}/recommendations": sending(path=f"{USERS}?k=0"),
        "POST /v1/recommendations": sending(body={"k": 0}),
        "POST /v1/recommendations/batch": sending(body={"requests": [{}] * 101}),
        "POST /v1/rank": sending(body={}),
        "GET /v1/trending": sending(path="/v1/trending?k=0"),
        "GET /v1/items/{item_id}/similar": sending(path="/v1/items/a7/similar?k=0"),
        "POST /v1/events": sending(
            body={"event_id": "e", "user_id": "ann", "item_id": "a1", "event_time": 5}
        ),
        "DELETE /v1/users/{user_id}": sending(path=f"/v1/users/{LONG}"),
        "GET /v1/models": sending(path="/v1/models?limit=0"),
        "POST /v1/models/{version}/promote": sending(path="/v1/models/-/promote"),
        "POST /v1/models/rollback": serving_itself,
    },
    503: {
        "POST /v1/events": full_disk,
        "DELETE /v1/users/{user_id}": full_disk,
        "GET /v1/health/ready": nothing_there,
    },
}


def _documented() -> Iterator[tuple[str, int]]:
    for operation, described in OPERATIONS.items():
        for status in described["responses"]:
            if status != "200":
                yield operation, int(status)


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "status"), list(_documented()))
def test_every_problem_happens_and_reads_like_its_example(
    shop: Shop,
    versions: list[str],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    status: int,
) -> None:
    provoke = PROVOKED[status]
    if isinstance(provoke, dict):
        provoke = provoke.get(operation, broken_disk)
    answer = provoke(shop, versions, monkeypatch, operation)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    content = content_of(operation, status)
    assert complaints(content["schema"], answer.json()) == []
    (example,) = values(content)
    assert set(example) == set(answer.json())
    assert _wording(example["detail"]) == _wording(answer.json()["detail"])


def _wording(detail: str) -> str:
    """Return a sentence without the names and numbers in it."""
    return re.sub(r"'[^']*'|\S*[/:]\S*|\S*\d\S*|\S+\.\S+", "*", detail)
