"""Files on their way into a bucket: in parts, checked, and taken up again where they stopped."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from endcap.adapters.s3_errors import error_code, translated
from endcap.errors import NotFoundError

PART_BYTES: Final = 16 << 20
"""A file of 10,000 parts, which is the most, has 160 GB."""

_NO_STACK: Final = "ValidationError"


@dataclass(frozen=True)
class Uploaded:
    """How a file got there: `sent` bytes now, the rest of `size` was there already."""

    key: str
    size: int
    sent: int


def upload_file(
    client: Any,  # noqa: ANN401 -- boto3's clients have no type of their own
    file: Path,
    *,
    bucket: str,
    key: str,
    part_bytes: int = PART_BYTES,
    on_bytes: Callable[[int], None] = lambda _n: None,
) -> Uploaded:
    """Put a file at `key`, unless the same bytes are there; go on with an upload that stopped.

    Every part carries its sha256, which S3 checks. What is there already, a part or all of it, is
    known by its MD5, which S3 names it by. `on_bytes` is called with the bytes that are done.
    Raises what `s3_errors.translated` raises.
    """
    size = file.stat().st_size
    hashes = [_md5(data) for data in _parts(file, part_bytes)]
    with translated(f"s3://{bucket}/{key}"):
        if _etag_of(client, bucket, key) == _composite(hashes):
            on_bytes(size)
            return Uploaded(key, size, 0)
        upload_id, kept = _open_upload(client, bucket, key)
        parts, sent = [], 0
        for number, data in enumerate(_parts(file, part_bytes), start=1):
            checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
            etag = hashes[number - 1].hex()
            if kept.get(number) != etag:
                client.upload_part(
                    Bucket=bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=data,
                    ChecksumSHA256=checksum,
                )
                sent += len(data)
            parts.append({"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum})
            on_bytes(len(data))
        client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )
    return Uploaded(key, size, sent)


def stack_outputs(formation: Any, stack: str) -> Mapping[str, str]:  # noqa: ANN401
    """Return a deployed stack's outputs. Raises `NotFoundError`, and as `upload_file` does."""
    with translated(f"the stack {stack}"):
        try:
            (found,) = formation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as exc:
            if error_code(exc) == _NO_STACK:
                raise NotFoundError(f"no stack {stack!r} in this account and region") from exc
            raise
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _etag_of(client: Any, bucket: str, key: str) -> str | None:  # noqa: ANN401
    try:
        with translated(f"s3://{bucket}/{key}"):
            return str(client.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
    except NotFoundError:
        return None


def _open_upload(client: Any, bucket: str, key: str) -> tuple[str, dict[int, str]]:  # noqa: ANN401
    """Return the newest unfinished upload to a key with its parts' MD5, or a new one."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
    unfinished = [
        upload for page in pages for upload in page.get("Uploads", []) if upload["Key"] == key
    ]
    if not unfinished:
        answer = client.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256")
        return str(answer["UploadId"]), {}
    upload_id = str(max(unfinished, key=lambda upload: upload["Initiated"])["UploadId"])
    listed = client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
    return upload_id, {
        part["PartNumber"]: part["ETag"].strip('"')
        for page in listed
        for part in page.get("Parts", [])
    }


def _parts(file: Path, part_bytes: int) -> Iterator[bytes]:
    with file.open("rb") as stream:
        data = stream.read(part_bytes)
        yield data  # an empty file is one empty part
        while data and (data := stream.read(part_bytes)):
            yield data


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _composite(hashes: list[bytes]) -> str:
    """Return the ETag of an object that was put together from parts with these hashes."""
    return f"{_md5(b''.join(hashes)).hex()}-{len(hashes)}"
