import subprocess
import sys
from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.opening import open_lake
from endcap.adapters.s3_lake import S3Lake
from endcap.errors import ConfigError


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("/data/lake", "/data/lake"),
        ("file:///data/my%20lake", "/data/my lake"),
        ("file://localhost/data", "/data"),
    ],
)
def test_a_folder_opens_as_a_folder_lake(uri: str, folder: str, tmp_path: Path) -> None:
    lake = open_lake(uri, cache_folder=tmp_path)
    assert isinstance(lake, FolderLake)
    assert lake.uri == folder


def test_a_relative_folder_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_lake("lake", cache_folder=tmp_path).uri == str(tmp_path / "lake")


@pytest.mark.usefixtures("aws")
def test_an_s3_address_opens_as_an_s3_lake(tmp_path: Path) -> None:
    lake = open_lake("s3://shop-lake/v1/", cache_folder=tmp_path)
    assert isinstance(lake, S3Lake)
    assert lake.uri == "s3://shop-lake/v1"


@pytest.mark.parametrize("uri", ["", "gs://bucket/x", "http://x/y", "file://host/x", "file://"])
def test_any_other_address_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the lake"):
        open_lake(uri, cache_folder=tmp_path)


def test_missing_aws_libraries_are_named_with_the_mend() -> None:
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from pathlib import Path\n"
        "from endcap.adapters.opening import open_lake\n"
        "from endcap.errors import ConfigError\n"
        "try: open_lake('s3://shop-lake', cache_folder=Path('/unused'))\n"
        "except ConfigError as exc: print(exc)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert "pip install 'endcap[aws]'" in ran.stdout
    assert "boto3 is missing" in ran.stdout
