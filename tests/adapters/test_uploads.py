import hashlib
import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from endcap.adapters.uploads import stack_outputs, upload_file
from endcap.errors import EndcapError, NotFoundError, TransientLakeError

BUCKET, KEY = "shop-lake", "raw/current/events.csv"
PART = 5 << 20
"""The smallest part that S3 takes, the last one aside."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "events.csv"
    file.write_bytes(os.urandom(2 * PART + 1000))
    return file


class Failing:
    """A client whose connection breaks after a few parts."""

    def __init__(self, client: BaseClient, *, after: int) -> None:
        self._client = client
        self._left = after

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._client, name)

    def upload_part(self, **request: object) -> Any:  # noqa: ANN401
        self._left -= 1
        if self._left < 0:
            raise EndpointConnectionError(endpoint_url="https://s3")
        return self._client.upload_part(**request)


def stored(client: BaseClient) -> str:
    body = client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    return hashlib.sha256(body).hexdigest()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_arrives_whole_and_is_not_sent_twice(client: BaseClient, file: Path) -> None:
    done: list[int] = []
    first = upload_file(client, file, bucket=BUCKET, key=KEY, part_bytes=PART, on_bytes=done.append)
    again = upload_file(client, file, bucket=BUCKET, key=KEY, part_bytes=PART)

    assert stored(client) == digest(file)
    assert (first.sent, again.sent) == (first.size, 0)
    assert done == [PART, PART, 1000]


def test_an_upload_that_broke_off_is_gone_on_with(client: BaseClient, file: Path) -> None:
    with pytest.raises(TransientLakeError):
        upload_file(Failing(client, after=1), file, bucket=BUCKET, key=KEY, part_bytes=PART)

    resumed = upload_file(client, file, bucket=BUCKET, key=KEY, part_bytes=PART)

    assert resumed.sent == resumed.size - PART
    assert stored(client) == digest(file)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)


def test_of_a_file_that_has_changed_meanwhile_nothing_old_is_kept(
    client: BaseClient, file: Path
) -> None:
    with pytest.raises(TransientLakeError):
        upload_file(Failing(client, after=2), file, bucket=BUCKET, key=KEY, part_bytes=PART)
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(data)

    resumed = upload_file(client, file, bucket=BUCKET, key=KEY, part_bytes=PART)

    assert resumed.sent == PART + 1000
    assert stored(client) == digest(file)


def test_a_changed_file_replaces_the_one_before(client: BaseClient, file: Path) -> None:
    upload_file(client, file, bucket=BUCKET, key=KEY, part_bytes=PART)
    file.write_bytes(b"another\n")

    assert upload_file(client, file, bucket=BUCKET, key=KEY).sent == 8
    assert stored(client) == digest(file)


def test_an_empty_file_is_a_file(client: BaseClient, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    upload_file(client, tmp_path / "empty", bucket=BUCKET, key=KEY)

    assert stored(client) == hashlib.sha256().hexdigest()


def test_a_bucket_that_is_not_there_is_named(client: BaseClient, file: Path) -> None:
    with pytest.raises(EndcapError, match="no-such-bucket"):
        upload_file(client, file, bucket="no-such-bucket", key=KEY)


@pytest.mark.usefixtures("aws")
def test_a_stack_tells_its_outputs_or_is_named() -> None:
    formation = boto3.client("cloudformation", region_name="eu-west-1")
    body = (
        '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Answer": {"Value": "42"}}}'
    )
    formation.create_stack(StackName="told", TemplateBody=body)

    assert stack_outputs(formation, "told") == {"Answer": "42"}
    with pytest.raises(NotFoundError, match="no stack 'untold'"):
        stack_outputs(formation, "untold")
