"""The examples of the OpenAPI document, held to its schemas and to what the service answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.drift.comparison import ColumnDrift, DriftReport
from endcap.use_cases.lake_layout import LATEST_DRIFT, LATEST_METRICS, LATEST_SCOREBOARD
from tests.api.conftest import Shop
from tests.api.described import (
    DOCUMENT,
    OPERATIONS,
    complaints,
    content_of,
    contents,
    send,
    values,
)
from tests.evaluation.boards import board_of


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_that_is_taken_and_answered_has_an_example(operation: str) -> None:
    described = OPERATIONS[operation]
    assert described["summary"]
    assert described["description"]
    for parameter in described.get("parameters", ()):
        assert "example" in parameter or parameter["in"] != "path", parameter["name"]
        assert "description" in parameter, parameter["name"]
    for name, media_type, content in contents(operation):
        assert content["schema"], (name, media_type)
        assert values(content), f"{operation} has no example of {name} as {media_type}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_example_is_as_its_schema_says_and_holds_nothing_else(operation: str) -> None:
    for parameter in OPERATIONS[operation].get("parameters", ()):
        assert parameter["in"] != "path" or not complaints(
            parameter["schema"], parameter["example"]
        )
    for name, _, content in contents(operation):
        for value in values(content):
            assert complaints(content["schema"], value) == [], (operation, name)
            if name not in ("request", "200"):
                assert value["status"] == int(name)


def test_a_field_that_no_schema_knows_is_found() -> None:
    (schema,) = (c["schema"] for name, _, c in contents("GET /v1/health/live") if name == "200")
    assert complaints(schema, {"status": "ok"}) == []
    assert complaints(schema, {"status": "ok", "more": 1}) != []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_are_as_described_to_the_last_field(
    shop: Shop, lake: FolderLake, versions: list[str], operation: str
) -> None:
    drift = DriftReport((ColumnDrift("a", 1, 1, 0.1, None, None, None, drifted=False),), True)
    window = dict.fromkeys(("reference_from_ms", "reference_to_ms", "from_ms", "to_ms"), 1)
    ids = {"run_id": "r", "model_version": "v"}
    lake.write(LATEST_DRIFT, json.dumps({**ids, **window, **drift.to_dict()}).encode())
    lake.write(LATEST_SCOREBOARD, board_of({"full_stack": 0.5}).to_json().encode())
    (example,) = values(content_of("GET /v1/monitoring/traffic", 200))
    lake.write(LATEST_METRICS, json.dumps(example["report"]).encode())

    answer = send(shop.client, operation, versions)

    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == "application/json":
        assert complaints(content_of(operation, 200)["schema"], answer.json()) == []


@pytest.mark.parametrize(
    "operation", [name for name in OPERATIONS if "requestBody" in OPERATIONS[name]]
)
def test_every_body_that_is_an_example_is_understood(shop: Shop, operation: str) -> None:
    shop.now_ms = 1_442_545_200_000
    for body in values(OPERATIONS[operation]["requestBody"]["content"]["application/json"]):
        answer = shop.client.post(operation.split()[1], json=body)
        # The small shop does not have the examples' models.
        expected = 404 if "rollback" in operation else 200
        assert answer.status_code == expected, answer.text


def test_examples_are_loaded_for_the_document_alone() -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.api.conftest import Shop\n"
        "from endcap.adapters.folder_lake import FolderLake\n"
        "shop = Shop(FolderLake(Path('no-lake')))\n"
        "shop.client.get('/v1/users/ann/recommendations')\n"
        "before = [name for name in sys.modules if name.startswith('api.examples')]\n"
        "shop.client.get('/v1/openapi.json')\n"
        "print(before, 'api.examples.document' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] True\n"


def test_the_document_is_the_same_the_second_time(shop: Shop) -> None:
    first, second = (shop.client.get("/v1/openapi.json").content for _ in range(2))
    assert first == second
    assert json.loads(first) == DOCUMENT
