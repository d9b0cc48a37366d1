"""The OpenAPI document, what it says of each operation, and a good request of each."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import httpx2 as httpx
from jsonschema_rs import Draft202012Validator
from starlette.testclient import TestClient

from api.examples.document import operations_of
from endcap.adapters.folder_lake import FolderLake
from tests.api.conftest import Shop

# The document is the same whatever the lake: known before any model is.
DOCUMENT: dict[str, Any] = Shop(FolderLake(Path("no-lake"))).app.openapi()
OPERATIONS = dict(operations_of(DOCUMENT))
JSON = {"Content-Type": "application/json"}


def tag_of(operation: str) -> str:
    return str(OPERATIONS[operation]["tags"][0])


def contents(operation: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what an operation takes and answers: name, media type, and what is said of it."""
    described = OPERATIONS[operation]
    for media_type, content in described.get("requestBody", {}).get("content", {}).items():
        yield "request", media_type, content
    for status, response in described["responses"].items():
        for media_type, content in response["content"].items():
            yield status, media_type, content


def values(content: Mapping[str, Any]) -> list[Any]:
    named = [example["value"] for example in content.get("examples", {}).values()]
    return named + [content[key] for key in ("example",) if key in content]


@cache
def closed_components() -> dict[str, Any]:
    """Return the schemas without the room they leave for later fields."""
    schemas: dict[str, Any] = deepcopy(DOCUMENT["components"]["schemas"])
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return {"schemas": schemas}


def complaints(schema: Mapping[str, Any], value: object) -> list[str]:
    closed = {**schema, "components": closed_components()}
    return [str(error) for error in Draft202012Validator(closed).iter_errors(value)]


def content_of(operation: str, status: int) -> dict[str, Any]:
    (content,) = OPERATIONS[operation]["responses"][str(status)]["content"].values()
    found: dict[str, Any] = content
    return found


GOOD: dict[str, tuple[str, Any]] = {
    "GET /v1/users/{user_id}/recommendations": ("/v1/users/ann/recommendations?explain=1", None),
    "POST /v1/recommendations": ("/v1/recommendations", {"events": [{"item_id": "x"}]}),
    "POST /v1/recommendations/batch": (
        "/v1/recommendations/batch",
        {"requests": [{"k": 1}, {"k": 0}]},
    ),
    "POST /v1/rank": ("/v1/rank", {"items": ["a1", "x"]}),
    "GET /v1/trending": ("/v1/trending", None),
    "GET /v1/items/{item_id}/similar": ("/v1/items/a7/similar", None),
    "POST /v1/events": ("/v1/events", {"event_id": "e", "user_id": "ann", "item_id": "a1"}),
    "DELETE /v1/users/{user_id}": ("/v1/users/ann", None),
    "GET /v1/models": ("/v1/models", None),
    "POST /v1/models/{version}/promote": ("/v1/models/{other}/promote", None),
    "POST /v1/models/rollback": ("/v1/models/rollback", {"version": "{other}"}),
    "GET /v1/monitoring/performance": ("/v1/monitoring/performance", None),
    "GET /v1/monitoring/drift": ("/v1/monitoring/drift", None),
    "GET /v1/monitoring/traffic": ("/v1/monitoring/traffic", None),
    "GET /v1/health/live": ("/v1/health/live", None),
    "GET /v1/health/ready": ("/v1/health/ready", None),
    "GET /v1/metrics": ("/v1/metrics", None),
}
"""A request of each operation that the small shop answers."""


def send(client: TestClient, operation: str, versions: list[str], **more: object) -> httpx.Response:
    """Send an operation's request that is good, but for what `more` says."""
    path, body = GOOD[operation]
    path = str(more.pop("path", path)).format(other=versions[1])
    text = json.dumps(more.pop("body", body)).replace("{other}", versions[1])
    asked: dict[str, Any] = {"headers": JSON, "content": text if body is not None else None}
    return client.request(operation.split(maxsplit=1)[0], path, **{**asked, **more})
