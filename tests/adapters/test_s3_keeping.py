"""What a lake in a bucket keeps, and what it lets go."""

from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from endcap.adapters.s3_lake import RETIRED_TAG, S3Lake
from endcap.errors import LakeError
from tests.adapters.lake_contract import FILES, commit, contents
from tests.adapters.test_s3_lake import BUCKET, keys, lake_of


@pytest.fixture
def lake(client: BaseClient, tmp_path: Path) -> S3Lake:
    return lake_of(client, tmp_path / "cache")


def tagged(client: BaseClient) -> list[str]:
    """Return the keys, without the lake's prefix, that have the retired tag."""
    found = []
    for key in keys(client):
        answer = client.get_object_tagging(Bucket=BUCKET, Key=f"some/lake/{key}")
        if answer["TagSet"] == [dict(zip(("Key", "Value"), RETIRED_TAG, strict=True))]:
            found.append(key)
    return found


class RefusedTags:
    """A client that tags a few objects and then no more."""

    def __init__(self, client: BaseClient, *, after: int) -> None:
        self._client = client
        self._left = after

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_object_tagging(self, **request: object) -> object:
        self._left -= 1
        if self._left < 0:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObjectTagging")
        return self._client.put_object_tagging(**request)


def test_every_object_of_a_retired_folder_is_tagged_and_of_no_other(
    lake: S3Lake, client: BaseClient
) -> None:
    commit(lake, "models/1", FILES)
    commit(lake, "models/2", FILES)
    lake.set_retired("models/1", retired=True)
    assert {path.split("/models/")[1].split("/")[0] for path in tagged(client)} == {"1", "1.json"}
    assert len(tagged(client)) == len(FILES) + 1
    lake.set_retired("models/1", retired=False)
    assert tagged(client) == []


def test_what_was_retired_by_half_is_wanted_again_whole(
    lake: S3Lake, client: BaseClient, tmp_path: Path
) -> None:
    commit(lake, "models/1", FILES)
    half = lake_of(RefusedTags(client, after=2), tmp_path / "other")
    with pytest.raises(LakeError):
        half.set_retired("models/1", retired=True)
    assert len(tagged(client)) >= 1
    lake.set_retired("models/1", retired=False)
    assert tagged(client) == []


def test_a_limited_cache_makes_room_for_what_comes_and_keeps_what_is_open(
    client: BaseClient, tmp_path: Path
) -> None:
    uri, cache = f"s3://{BUCKET}/some/lake", tmp_path / "cache"
    lake = S3Lake(uri, client=client, cache_folder=cache, cache_keep_bytes=0)
    for number in (1, 2, 3):
        commit(lake, f"models/{number}", {"a": str(number).encode()})

    with lake.open("models/1") as first:
        with lake.open("models/2"):
            pass
        with lake.open("models/3"):
            assert contents(first) == {"a": b"1"}
            assert len(list((cache / "folders").iterdir())) == 2
