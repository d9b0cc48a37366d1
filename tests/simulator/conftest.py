from pathlib import Path
from typing import NamedTuple

import pytest

from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from endcap.simulator.summary import SimulationSummary


class Written(NamedTuple):
    folder: Path
    summary: SimulationSummary


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("tiny")
    return Written(folder, simulate(folder, scale=TINY, seed=42))


@pytest.fixture(scope="session")
def clean_tiny(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("clean")
    return Written(folder, simulate(folder, scale=TINY, seed=42, malformed_share=0.0))
