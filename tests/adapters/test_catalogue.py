from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from endcap.adapters.catalogue import GlueCatalogue
from endcap.adapters.s3_lake import S3Lake
from endcap.errors import NotFoundError, TransientLakeError
from endcap.ports import Manifest
from tests.adapters.lake_contract import write_table


@pytest.fixture
def glue(aws: None, session: boto3.Session) -> BaseClient:  # noqa: ARG001 - stands in first
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    return glue


@pytest.fixture
def lake(client: BaseClient, session: boto3.Session, tmp_path: Path) -> S3Lake:
    return S3Lake(
        "s3://shop-lake/v1",
        client=client,
        cache_folder=tmp_path,
        catalogue=GlueCatalogue(session, "shop"),
    )


def commit_events(lake: S3Lake, path: str, *days: str) -> Manifest:
    with lake.staging() as staged:
        for day in days:
            write_table(staged / f"interactions/event_date={day}/part-0.parquet")
        write_table(staged / "categories/part-0.parquet")
        return lake.commit(
            path, staged, facts={}, tables={"interactions": "interactions", "shelves": "categories"}
        )


def table(glue: BaseClient, name: str) -> dict[str, Any]:
    found: dict[str, Any] = glue.get_table(DatabaseName="shop", Name=name)["Table"]
    return found


def partitions(glue: BaseClient) -> dict[str, str]:
    """Return day -> location."""
    found = glue.get_partitions(DatabaseName="shop", TableName="interactions")["Partitions"]
    return {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in found}


def test_a_commit_registers_its_tables_with_columns_and_partitions(
    glue: BaseClient, lake: S3Lake
) -> None:
    commit_events(lake, "clean/1", "2015-05-01", "2015-05-02")
    events = table(glue, "interactions")
    columns = [
        (column["Name"], column["Type"]) for column in events["StorageDescriptor"]["Columns"]
    ]
    location = events["StorageDescriptor"]["Location"]
    assert columns == [("item_code", "int")]
    assert [key["Name"] for key in events["PartitionKeys"]] == ["event_date"]
    assert location.startswith("s3://shop-lake/v1/data/clean/1/attempt-")
    assert location.endswith("/interactions/")
    assert partitions(glue) == {
        day: f"{location}event_date={day}/" for day in ("2015-05-01", "2015-05-02")
    }
    assert "/categories/" in table(glue, "shelves")["StorageDescriptor"]["Location"]


def test_each_commit_points_the_tables_at_its_own_files(glue: BaseClient, lake: S3Lake) -> None:
    commit_events(lake, "clean/1", "2015-05-01", "2015-05-02")
    commit_events(lake, "clean/2", "2015-05-02", "2015-05-03")
    assert sorted(partitions(glue)) == ["2015-05-02", "2015-05-03"]
    assert all("/clean/2/" in location for location in partitions(glue).values())
    assert "/clean/2/" in table(glue, "shelves")["StorageDescriptor"]["Location"]


def test_an_unchanged_table_is_not_registered_again(glue: BaseClient, lake: S3Lake) -> None:
    commit_events(lake, "clean/1", "2015-05-01")
    before = table(glue, "interactions")["VersionId"]
    commit_events(lake, "clean/1", "2015-05-01")
    assert table(glue, "interactions")["VersionId"] == before


def test_a_missing_database_is_named_and_mended_by_committing_again(
    lake: S3Lake, session: boto3.Session
) -> None:
    with pytest.raises(NotFoundError, match=r"shop\.interactions.*create the database first"):
        commit_events(lake, "clean/1", "2015-05-01")
    assert lake.list_folders("") == ["clean/1"]
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    commit_events(lake, "clean/1", "2015-05-01")
    assert list(partitions(glue)) == ["2015-05-01"]


def test_a_registration_cut_short_is_done_again(
    glue: BaseClient, lake: S3Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttle(**_: object) -> None:
        answer = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        raise ClientError(answer, "BatchCreatePartition")

    with monkeypatch.context() as patch:
        patch.setattr("awswrangler.catalog.add_parquet_partitions", throttle)
        with pytest.raises(TransientLakeError, match="Rate exceeded"):
            commit_events(lake, "clean/1", "2015-05-01")
    assert partitions(glue) == {}
    commit_events(lake, "clean/1", "2015-05-01")
    assert list(partitions(glue)) == ["2015-05-01"]
