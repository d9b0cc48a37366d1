"""The OpenAPI document against the service: whatever fits it is answered, and as it says."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from api.access import TokenDoor
from endcap.adapters.folder_lake import FolderLake
from endcap.use_cases.release_models import promote_version
from tests.api.conftest import Shop
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.foreign_model import file_small_shop

EXAMPLES = 40
METHODS = ("get", "post", "delete")
HEADERS = {"Authorization": "Bearer a-token"}
# A document cannot say which event types a shop's model knows.
CONFIG = {
    "operations": [
        {
            "include-path": "/v1/events",
            "checks": {"positive_data_acceptance": {"expected-statuses": [200, 422]}},
        }
    ]
}
# The document is the same whatever the lake: known before any model is.
DOCUMENT: dict[str, Any] = Shop(FolderLake(Path("no-lake"))).app.openapi()
OPERATIONS = [
    (method, path)
    for path, operations in DOCUMENT["paths"].items()
    for method in METHODS
    if method in operations
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    folder: Path = tmp_path_factory.mktemp("contract")
    lake = FolderLake(folder / "lake")
    versions = []
    for name in ("a", "b"):
        (folder / name).mkdir()
        ids = [f"{name}{item}" for item in range(N_ITEMS)]
        versions.append(file_small_shop(lake, folder / name, item_ids=ids, cut_ms=CUT_MS))
    promote_version(lake, versions[0], reason="test", now_ms=1)
    app = Shop(lake, TokenDoor("a-token")).app
    config = SchemathesisConfig.from_dict(CONFIG)
    return schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers=HEADERS, config=config)


def _cases() -> Iterator[object]:
    """Yield method, path and mode; where nothing is sent, nothing can be sent wrong."""
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        for mode in schemathesis.GenerationMode:
            takes = operation.get("parameters") or operation.get("requestBody")
            if takes or mode is schemathesis.GenerationMode.POSITIVE:
                yield pytest.param(method, path, mode, id=f"{method}-{path}-{mode.value}")


@pytest.mark.parametrize(("method", "path", "mode"), list(_cases()))
def test_whatever_is_sent_the_answer_is_as_described(
    api: Any,  # noqa: ANN401
    method: str,
    path: str,
    mode: schemathesis.GenerationMode,
) -> None:
    operation = api[path][method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.call_and_validate(headers=HEADERS)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fuzz()


def test_every_operation_tells_its_errors_and_what_a_good_answer_is() -> None:
    assert len(OPERATIONS) >= 15
    for method, path in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        responses = operation["responses"]
        assert operation["description"], path
        assert any(status.startswith("2") for status in responses), path
        takes = operation.get("parameters") or operation.get("requestBody")
        assert not takes or "422" in responses, path
