"""What it takes to start the service: modules and megabytes."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.api.conftest import Shop
from tests.api.gateway import http_event

ROOT = Path(__file__).parents[2]
HEAVY = (
    "anyio._backends._asyncio",
    "api.replies",
    "awswrangler",
    "boto3",
    "catboost",
    "duckdb",
    "implicit",
    "mapie",
    "networkx",
    "numpy._typing",
    "numpy.ma",
    "optuna",
    "pandas",
    "prometheus_client",
    "pyarrow",
    "scipy",
    "sklearn",
    "tomllib",
    "typer",
)
MOST_MEGABYTES = 100
CALL = """
import json, sys
from api.handler import handler
event = json.loads(sys.argv[1])
answer = handler(event, None)
modules = sorted(sys.modules)
event["requestContext"]["http"]["path"] = event["rawPath"] = "/v1/openapi.json"
event["rawQueryString"] = ""
document = handler(event, None)["body"]
print(json.dumps({"status": answer["statusCode"], "modules": modules, "document": document}))
"""


def test_a_new_process_loads_only_what_answering_takes_and_still_tells_all_of_itself(
    shop: Shop, tmp_path: Path
) -> None:
    environ = {
        "ENDCAP_LAKE_URI": shop.lake.uri,
        "ENDCAP_HISTORY_URI": str(tmp_path / "history.sqlite"),
        "ENDCAP_RECORD_LOG_URI": str(tmp_path / "log"),
    }
    event = http_event("GET", "/v1/users/ann/recommendations", query="explain=true")
    done = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(event)],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["status"] == 200
    assert "numpy" in told["modules"]
    assert [name for name in HEAVY if name in told["modules"]] == []
    assert json.loads(told["document"]) == shop.client.get("/v1/openapi.json").json()


def test_the_services_requirements_fit_into_a_zip() -> None:
    lock = (ROOT / "requirements" / "api.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE))
    sizes = {name: _megabytes(name) for name in names}
    assert sizes["numpy"] > 10  # it counts what is there
    assert sum(sizes.values()) < MOST_MEGABYTES, sizes


def _megabytes(name: str) -> float:
    try:
        files = distribution(name).files or ()
    except PackageNotFoundError:
        return 0.0  # of another platform
    paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
