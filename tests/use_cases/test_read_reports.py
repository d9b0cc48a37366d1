import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import CorruptArtifactError, NotFoundError
from endcap.use_cases.lake_layout import LATEST_DRIFT, LATEST_METRICS, LATEST_SCOREBOARD
from endcap.use_cases.read_reports import DRIFT, PERFORMANCE, TRAFFIC, read_report

PATHS = {DRIFT: LATEST_DRIFT, PERFORMANCE: LATEST_SCOREBOARD, TRAFFIC: LATEST_METRICS}


@pytest.mark.parametrize("name", [DRIFT, PERFORMANCE, TRAFFIC])
def test_each_report_comes_from_its_own_place(lake: FolderLake, name: str) -> None:
    with pytest.raises(NotFoundError, match=f"no {name} report yet"):
        read_report(lake, name)
    lake.write(PATHS[name], b'{"rows": 3}')
    assert read_report(lake, name) == {"rows": 3}


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff"])
def test_what_is_no_report_is_corrupt(lake: FolderLake, data: bytes) -> None:
    lake.write(LATEST_DRIFT, data)
    with pytest.raises(CorruptArtifactError, match="drift report"):
        read_report(lake, DRIFT)
