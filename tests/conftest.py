import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real RetailRocket sample; without it the test is skipped."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "retailrocket"
    folder = Path(os.environ.get("ENDCAP_REAL_DATA", beside))
    if not (folder / "events.csv").is_file():
        pytest.skip(f"the real data is not in {folder}; ENDCAP_REAL_DATA may name its folder")
    return folder
