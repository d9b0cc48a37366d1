import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError

from endcap.adapters.s3_lake import S3Lake
from endcap.errors import (
    ConfigError,
    ConflictError,
    CorruptArtifactError,
    LakeError,
    NotFoundError,
    TransientLakeError,
)
from endcap.ports import ABSENT, Lake, Manifest
from tests.adapters.lake_contract import (
    FILES,
    LakeContract,
    StoredFile,
    commit,
    contents,
    write_files,
)

BUCKET = "shop-lake"
HOUR = 3600.0


class AtomicObjects:
    """A client whose conditional puts and reads are atomic, as S3's are.

    moto honours If-None-Match and If-Match, but checks and stores in two steps, so that of two
    threads both can win; and it closes an object that is replaced while it is read.
    """

    def __init__(self, client: BaseClient) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_object(self, **request: object) -> object:
        with self._lock:
            return self._client.put_object(**request)

    def get_object(self, **request: object) -> object:
        with self._lock:
            return self._client.get_object(**request)


class S3Object(StoredFile):
    def __init__(self, client: BaseClient, key: str) -> None:
        self._client = client
        self._key = key

    def read(self) -> bytes:
        body: bytes = self._client.get_object(Bucket=BUCKET, Key=self._key)["Body"].read()
        return body

    def replace(self, data: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=self._key, Body=data)

    def delete(self) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=self._key)


@pytest.fixture
def lake(client: BaseClient, tmp_path: Path) -> S3Lake:
    return lake_of(client, tmp_path / "cache")


def lake_of(client: BaseClient, cache: Path) -> S3Lake:
    return S3Lake(f"s3://{BUCKET}/some/lake", client=AtomicObjects(client), cache_folder=cache)


def keys(client: BaseClient, below: str = "") -> list[str]:
    listing = client.list_objects_v2(Bucket=BUCKET, Prefix=f"some/lake/{below}")
    return [entry["Key"].removeprefix("some/lake/") for entry in listing.get("Contents", [])]


def data_keys(client: BaseClient, name: str) -> list[str]:
    return [f"some/lake/{key}" for key in keys(client, "data/") if key.endswith(f"/{name}")]


def test_the_location_is_where_the_objects_are(lake: S3Lake, client: BaseClient) -> None:
    commit(lake, "x", FILES)
    assert data_keys(client, "a.txt") == [f"{lake.location('x')}/a.txt".split("/", 3)[3]]


class TestS3LakeContract(LakeContract):
    @pytest.fixture
    def lake(self, client: BaseClient, tmp_path: Path) -> Lake:
        self.client, self.cache = client, tmp_path / "cache"
        return lake_of(client, self.cache)

    def stored_file(self, lake: Lake, path: str, name: str) -> StoredFile:
        assert path in lake.list_folders("")
        if name == "_manifest.json":
            return S3Object(self.client, f"some/lake/manifests/{path}.json")
        (key,) = data_keys(self.client, name)
        return S3Object(self.client, key)

    def leftovers(self, lake: Lake) -> list[str]:
        published = {f"data/{path}/" for path in lake.list_folders("")}
        here = [
            str(entry) for kind in ("staging", "partial") for entry in (self.cache / kind).glob("*")
        ]
        there = keys(self.client, "data/")
        attempts = {key.split("/attempt-")[1].split("/")[0] for key in there}
        lost = [key for key in there if not any(key.startswith(start) for start in published)]
        return here + lost + sorted(attempts)[len(published) :]


# Addresses


def test_a_lake_may_be_a_whole_bucket(client: BaseClient, tmp_path: Path) -> None:
    lake = S3Lake(f"s3://{BUCKET}", client=client, cache_folder=tmp_path)
    commit(lake, "x", FILES)
    lake.write("y", b"1")
    assert lake.uri == f"s3://{BUCKET}"
    assert lake.list_folders("") == ["x"]
    assert lake.list_objects("") == ["y"]


@pytest.mark.parametrize("uri", ["s3://", "s3:///prefix", "s3://Bad_Bucket/x", "s4://bucket"])
def test_an_address_without_a_bucket_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        S3Lake(uri, client=object(), cache_folder=tmp_path)


def test_a_missing_bucket_is_not_an_empty_lake(client: BaseClient, tmp_path: Path) -> None:
    lake = S3Lake("s3://no-such-bucket/x", client=client, cache_folder=tmp_path / "cache")
    write_files(tmp_path / "built", FILES)
    calls: list[Callable[[], object]] = [
        lambda: lake.manifest("x"),
        lambda: lake.open("x").__enter__(),
        lambda: lake.list_folders(""),
        lambda: lake.list_objects(""),
        lambda: lake.read("x"),
        lambda: lake.write("x", b"1"),
        lambda: lake.commit("x", tmp_path / "built", facts={}),
        lambda: lake.remove_stale_staging(0, 0),
    ]
    for call in calls:
        with pytest.raises(NotFoundError, match=r"no-such-bucket.*bucket does not exist"):
            call()


# What the service does to a commit


def break_call(client: BaseClient, operation: str, *, after: int, code: str = "SlowDown") -> None:
    """Let the first `after` calls of an operation through, and none after that."""
    left = [after]

    def refuse(**_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ClientError({"Error": {"Code": code, "Message": "broken"}}, operation)

    event, name = f"before-call.s3.{operation}", f"break {operation}"
    client.meta.events.register(event, refuse, unique_id=name)


def mend_call(client: BaseClient, operation: str) -> None:
    client.meta.events.unregister(f"before-call.s3.{operation}", unique_id=f"break {operation}")


@pytest.mark.parametrize("puts", [0, 1, 2, 3])  # three files, then the manifest
def test_a_commit_cut_short_publishes_nothing(client: BaseClient, lake: S3Lake, puts: int) -> None:
    break_call(client, "PutObject", after=puts)
    with pytest.raises(TransientLakeError):
        commit(lake, "x", FILES)
    assert lake.manifest("x") is None
    assert lake.list_folders("") == []
    with pytest.raises(NotFoundError):
        lake.open("x").__enter__()
    mend_call(client, "PutObject")
    commit(lake, "x", FILES)
    with lake.open("x", verify=True) as folder:
        assert contents(folder) == FILES


def test_files_of_a_failed_upload_are_deleted(client: BaseClient, lake: S3Lake) -> None:
    break_call(client, "PutObject", after=2)
    with pytest.raises(TransientLakeError):
        commit(lake, "x", FILES)
    assert keys(client) == []


def test_what_a_killed_committer_leaves_is_removed_once_stale(
    client: BaseClient, lake: S3Lake
) -> None:
    commit(lake, "kept", FILES)
    break_call(client, "PutObject", after=2)
    break_call(client, "DeleteObjects", after=0)  # a killed process does not clean up
    with pytest.raises(TransientLakeError):
        commit(lake, "x/y", FILES)
    mend_call(client, "PutObject")
    mend_call(client, "DeleteObjects")
    whole = [key for key in keys(client) if "/kept" in key]
    assert len(keys(client)) == len(whole) + 2
    assert lake.list_folders("") == ["kept"]

    assert lake.remove_stale_staging(HOUR, time.time()) == []
    (removed,) = lake.remove_stale_staging(HOUR, time.time() + 2 * HOUR)
    assert removed.startswith("x/y/attempt-")
    assert keys(client) == whole
    with lake.open("kept", verify=True) as folder:
        assert contents(folder) == FILES


def test_a_commit_whose_last_answer_was_lost_is_found_by_the_next_try(
    client: BaseClient, lake: S3Lake
) -> None:
    def lose_the_answer(**_: object) -> None:
        raise ConnectionClosedError(endpoint_url="s3")

    client.meta.events.register("after-call.s3.PutObject", lose_the_answer)
    with pytest.raises(TransientLakeError):
        commit(lake, "x", {}, facts={"try": 1})
    client.meta.events.unregister("after-call.s3.PutObject", lose_the_answer)
    assert commit(lake, "x", {}, facts={"try": 2}).facts == {"try": 1}


class SentTwice:
    """A client that sends every put again, as botocore does when the first answer is lost."""

    def __init__(self, client: BaseClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_object(self, **request: object) -> object:
        self._client.put_object(**request)
        return self._client.put_object(**request)


def test_a_writer_does_not_lose_against_its_own_first_try(
    client: BaseClient, tmp_path: Path
) -> None:
    lake = S3Lake(f"s3://{BUCKET}/some/lake", client=SentTwice(client), cache_folder=tmp_path)
    first = lake.write("champion.json", b"1", expected=ABSENT)
    lake.write("champion.json", b"2", expected=first)
    commit(lake, "x", FILES)
    with pytest.raises(ConflictError):
        lake.write("champion.json", b"3", expected=first)
    with lake.open("x", verify=True) as folder:
        assert contents(folder) == FILES


def test_a_collision_is_tried_again_and_then_named_transient(
    client: BaseClient, lake: S3Lake
) -> None:
    calls = []

    def collide(**_: object) -> None:
        calls.append(1)
        if len(calls) != 3:
            answer = {"Error": {"Code": "ConditionalRequestConflict", "Message": "busy"}}
            raise ClientError(answer, "PutObject")

    client.meta.events.register("before-call.s3.PutObject", collide)
    lake.write("a", b"1", expected=ABSENT)
    assert len(calls) == 3
    with pytest.raises(TransientLakeError, match="try again"):
        lake.write("b", b"1", expected=ABSENT)


def test_the_manifest_is_put_last_and_on_condition(client: BaseClient, lake: S3Lake) -> None:
    sent: list[tuple[str, str | None]] = []

    def record(params: dict[str, Any], **_: object) -> None:
        sent.append((params["url_path"], params["headers"].get("If-None-Match")))

    client.meta.events.register("before-call.s3.PutObject", record)
    commit(lake, "x", FILES)
    assert len(sent) == 4
    assert sent[-1][0].endswith("/manifests/x.json")
    assert [condition for _, condition in sent] == [None, None, None, "*"]


def test_two_committers_that_upload_at_the_same_time_cannot_mix_files(
    client: BaseClient, tmp_path: Path
) -> None:
    both_uploaded = threading.Barrier(2)

    class Meeting(AtomicObjects):
        def put_object(self, **request: object) -> object:
            both_uploaded.wait(timeout=20)
            return super().put_object(**request)

    shared = Meeting(client)

    def attempt(name: str) -> Manifest:
        lake = S3Lake(f"s3://{BUCKET}/some/lake", client=shared, cache_folder=tmp_path / name)
        return commit(lake, "x", {"same name": name.encode(), f"only {name}": b""})

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(attempt, ["one", "other"])
    assert one == other
    assert len(keys(client, "data/")) == 2
    with lake_of(client, tmp_path / "third").open("x", verify=True) as folder:
        found = contents(folder)
    winner = found["same name"].decode()
    assert sorted(found) == sorted(["same name", f"only {winner}"])


# The cache


def count_downloads(client: BaseClient) -> list[str]:
    downloads: list[str] = []

    def record(params: dict[str, Any], **_: object) -> None:
        if "/data/" in params["url_path"]:
            downloads.append(params["url_path"].rsplit("/", 1)[-1])

    client.meta.events.register("before-call.s3.GetObject", record)
    return downloads


def test_only_what_is_asked_for_is_downloaded_and_only_once(
    client: BaseClient, lake: S3Lake
) -> None:
    commit(lake, "x", FILES)
    downloads = count_downloads(client)
    with lake.open("x", only=["deep/"]) as folder:
        assert list(contents(folder)) == ["deep/er/b.bin"]
    assert downloads == ["b.bin"]
    with lake.open("x") as folder:
        assert contents(folder) == FILES
    assert sorted(downloads) == ["a.txt", "b.bin", "empty"]
    with lake.open("x", verify=True), lake.open("x"):
        assert len(downloads) == 3


def test_folders_with_the_same_content_share_their_copy(client: BaseClient, lake: S3Lake) -> None:
    commit(lake, "x", FILES)
    commit(lake, "y", FILES)
    downloads = count_downloads(client)
    with lake.open("x") as one, lake.open("y") as other:
        assert one == other
    assert len(downloads) == 3


def test_a_copy_that_changed_on_this_disk_is_fetched_again(
    client: BaseClient, lake: S3Lake
) -> None:
    commit(lake, "x", FILES)
    with lake.open("x") as folder:
        (folder / "a.txt").write_bytes(b"spoilt")
    downloads = count_downloads(client)
    with lake.open("x", verify=True) as folder:
        assert contents(folder) == FILES
    assert downloads == ["a.txt"]


def test_a_corrupt_download_never_enters_the_cache(client: BaseClient, lake: S3Lake) -> None:
    commit(lake, "x", FILES)
    (key,) = data_keys(client, "a.txt")
    client.put_object(Bucket=BUCKET, Key=key, Body=b"ALPHA")
    for _ in range(2):
        with pytest.raises(CorruptArtifactError, match=r"a\.txt"):
            lake.open("x").__enter__()
    client.put_object(Bucket=BUCKET, Key=key, Body=b"alpha")
    with lake.open("x") as folder:
        assert contents(folder) == FILES


def test_a_broken_download_is_tried_again(client: BaseClient, lake: S3Lake) -> None:
    commit(lake, "x", {"a": b"1"})
    failures = [1, 1]

    def fail(params: dict[str, Any], **_: object) -> None:
        if "/data/" in params["url_path"] and failures:
            failures.pop()
            raise ConnectionClosedError(endpoint_url="s3")

    client.meta.events.register("before-call.s3.GetObject", fail)
    with lake.open("x") as folder:
        assert contents(folder) == {"a": b"1"}
    failures.extend([1] * 10)
    with (
        pytest.raises(TransientLakeError),
        lake_of(client, Path(folder).parents[2] / "fresh").open("x"),
    ):
        pass


def test_lakes_that_share_a_cache_may_open_at_the_same_time(
    client: BaseClient, tmp_path: Path
) -> None:
    files = {f"part-{number}": bytes([number]) * 10_000 for number in range(20)}
    commit(lake_of(client, tmp_path / "writer"), "x", files)

    def read(_: int) -> bool:
        with lake_of(client, tmp_path / "shared").open("x") as folder:
            return contents(folder) == files

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))


def test_more_objects_than_one_page_are_listed_and_deleted(
    client: BaseClient, lake: S3Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    names = [f"many/{number:02}" for number in range(25)]
    for name in names:
        client.put_object(Bucket=BUCKET, Key=f"some/lake/objects/{name}", Body=b"")
    assert lake.list_objects("many") == names
    lake._bucket.delete_below("some/lake/objects/many/")
    assert lake.list_objects("") == []


def test_a_refused_deletion_is_named(
    client: BaseClient, lake: S3Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(lake, "x", FILES)
    refusal = {"Errors": [{"Key": "k", "Code": "AccessDenied", "Message": "Access Denied"}]}
    monkeypatch.setattr(client, "delete_objects", lambda **_: refusal)
    with pytest.raises(LakeError, match="was not deleted: Access Denied"):
        lake._bucket.delete_below("some/lake/data/")


@pytest.mark.usefixtures("aws")
def test_connecting_uses_the_environment(tmp_path: Path) -> None:
    lake = S3Lake.connect("s3://shop-lake/x/", cache_folder=tmp_path, glue_database="shop")
    assert lake.uri == "s3://shop-lake/x"


def test_opening_needs_neither_pandas_nor_awswrangler() -> None:
    code = (
        "import sys, endcap.adapters.s3_lake;"
        "print([name for name in ('awswrangler', 'pandas', 'numpy', 'pyarrow')"
        " if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_stale_means_older_than_asked(client: BaseClient, lake: S3Lake) -> None:
    key = f"some/lake/data/x/attempt-{'0' * 32}/a"
    client.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    client.put_object(Bucket=BUCKET, Key="some/lake/data/unknown", Body=b"1")
    put = client.head_object(Bucket=BUCKET, Key=key)["LastModified"]
    assert lake.remove_stale_staging(60, (put + timedelta(seconds=60)).timestamp()) == []
    assert len(lake.remove_stale_staging(60, (put + timedelta(seconds=61)).timestamp())) == 1
    assert keys(client) == ["data/unknown"]
    assert put <= datetime.now(UTC)
