import os
from pathlib import Path

import pytest

from tests.infra_cdk.assembly import Assembly, synthesise
from tests.workflow.built_once import built_once


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real RetailRocket sample; without it the test is skipped."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "retailrocket"
    folder = Path(os.environ.get("ENDCAP_REAL_DATA", beside))
    if not (folder / "events.csv").is_file():
        pytest.skip(f"the real data is not in {folder}; ENDCAP_REAL_DATA may name its folder")
    return folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """What `endcap.toml` is synthesised to, with no credentials, no network of AWS, no Docker."""

    def build(folder: Path) -> None:
        done = synthesise(folder)
        assert done.returncode == 0, done.stderr

    return Assembly(built_once(tmp_path_factory, "cdk-out", build))
