from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.bootstrap import open_lake_from
from endcap.errors import ConfigError
from tests.adapters.lake_contract import FILES, commit, contents, write_table
from tests.moto_server import moto_server


@pytest.fixture
def aws_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run moto as a server, and point the AWS libraries at it."""
    with moto_server() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield endpoint


def test_the_environment_names_a_folder_lake(tmp_path: Path) -> None:
    lake = open_lake_from({"ENDCAP_LAKE_URI": str(tmp_path)})
    assert isinstance(lake, FolderLake)
    assert lake.uri == str(tmp_path)


def test_an_environment_without_a_lake_is_refused() -> None:
    with pytest.raises(ConfigError, match="ENDCAP_LAKE_URI"):
        open_lake_from({})


def test_the_environment_names_an_s3_lake_with_its_catalogue(
    aws_server: str, tmp_path: Path
) -> None:
    boto3.client("s3").create_bucket(Bucket="shop-lake")
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    environ = {
        "ENDCAP_LAKE_URI": "s3://shop-lake/v1",
        "ENDCAP_GLUE_DATABASE": "shop",
        "ENDCAP_CACHE_DIR": str(tmp_path / "cache"),
    }
    lake = open_lake_from(environ)
    commit(lake, "x", FILES)
    with lake.staging() as staged:
        write_table(staged / "events" / "event_date=2015-05-01" / "part-0.parquet")
        lake.commit("clean/1", staged, facts={}, tables={"events": "events"})
    with open_lake_from(environ).open("x", verify=True) as folder:
        assert contents(folder) == FILES
    assert [table["Name"] for table in glue.get_tables(DatabaseName="shop")["TableList"]] == [
        "events"
    ]
    assert aws_server.startswith("http://127.0.0.1")
