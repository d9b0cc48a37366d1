from pathlib import Path

import pytest
from botocore.client import BaseClient

from endcap.adapters.raw_logs import OpenRawLogs
from endcap.errors import DatasetError, NotFoundError


def put(client: BaseClient, *keys: str) -> None:
    for key in keys:
        client.put_object(Bucket="shop-lake", Key=key, Body=key.encode())


def files_of(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_folder_is_given_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("a")

    with OpenRawLogs().open(str(tmp_path)) as folder:
        assert folder == tmp_path

    assert (tmp_path / "events.csv").exists()


@pytest.mark.parametrize("name", ["none", "events.csv"])
def test_what_is_no_folder_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "events.csv").write_text("a")

    with (
        pytest.raises(NotFoundError, match=rf"no folder .*{name}: --raw names the folder"),
        OpenRawLogs().open(str(tmp_path / name)),
    ):
        pass


@pytest.mark.parametrize("uri", ["s3://shop-lake/raw/2015", "s3://shop-lake/raw/2015/"])
def test_a_prefix_is_downloaded_and_gone_afterwards(
    client: BaseClient, tmp_path: Path, uri: str
) -> None:
    put(client, "raw/2015/events.csv", "raw/2015/deep/er/items.csv", "raw/20155.csv", "raw/x.csv")

    with OpenRawLogs(tmp_path).open(uri) as folder:
        assert folder.is_relative_to(tmp_path)
        assert files_of(folder) == {
            "events.csv": "raw/2015/events.csv",
            "deep/er/items.csv": "raw/2015/deep/er/items.csv",
        }

    assert list(tmp_path.iterdir()) == []


def test_a_whole_bucket_is_a_log(client: BaseClient) -> None:
    put(client, "events.csv")

    with OpenRawLogs().open("s3://shop-lake") as folder:
        assert files_of(folder) == {"events.csv": "events.csv"}


def test_the_markers_that_a_console_leaves_for_folders_are_passed_over(client: BaseClient) -> None:
    put(client, "raw/", "raw/old/", "raw/events.csv")

    with OpenRawLogs().open("s3://shop-lake/raw") as folder:
        assert files_of(folder) == {"events.csv": "raw/events.csv"}


def test_a_prefix_is_no_pattern(client: BaseClient) -> None:
    put(client, "raw[1]/events*.csv", "raw1/events.csv")

    with OpenRawLogs().open("s3://shop-lake/raw[1]") as folder:
        assert files_of(folder) == {"events*.csv": "raw[1]/events*.csv"}


@pytest.mark.parametrize("key", ["raw/../../escaped.csv", "raw//events.csv", "raw/a/../b.csv"])
def test_no_key_leaves_the_folder(client: BaseClient, tmp_path: Path, key: str) -> None:
    put(client, key)

    with (
        pytest.raises(DatasetError, match="cannot be a file below a folder"),
        OpenRawLogs(tmp_path).open("s3://shop-lake/raw"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("client")
def test_a_prefix_with_nothing_under_it_is_not_found() -> None:
    with (
        pytest.raises(NotFoundError, match="nothing lies under s3://shop-lake/none/"),
        OpenRawLogs().open("s3://shop-lake/none"),
    ):
        pass


@pytest.mark.usefixtures("client")
def test_a_bucket_that_does_not_exist_is_not_found() -> None:
    with (
        pytest.raises(NotFoundError, match="the bucket does not exist"),
        OpenRawLogs().open("s3://no-such-shop/raw"),
    ):
        pass
