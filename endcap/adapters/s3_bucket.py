"""The few requests that a lake makes of a bucket, with our errors."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from endcap.adapters.s3_errors import error_code, translated
from endcap.errors import ConflictError, CorruptArtifactError, LakeError, TransientLakeError
from endcap.ports import Versioned

IF_ABSENT: Final[Mapping[str, str]] = {"IfNoneMatch": "*"}
"""Condition of a put: there is no such object yet."""

_TRIES: Final = 4
_CHUNK_BYTES: Final = 1 << 20
_KEYS_IN_ONE_DELETE: Final = 1000
_WRITE_ID: Final = "endcap-write"


class S3Bucket:
    """One bucket; safe to share between threads.

    All methods raise `TransientLakeError`, `NotFoundError` for a missing bucket, `LakeError`.

    Parameters
    ----------
    client
        A boto3 S3 client.
    name
        The bucket's name.
    """

    def __init__(self, client: BaseClient, name: str) -> None:
        self._client = client
        self._name = name

    def uri_of(self, key: str) -> str:
        """Return the address of a key."""
        return f"s3://{self._name}/{key}"

    def read(self, key: str) -> Versioned | None:
        """Return an object's bytes and its ETag, or None if there is no such object."""
        with translated(self.uri_of(key)):
            answer = self._get(key)
            if answer is None:
                return None
            return Versioned(data=answer["Body"].read(), tag=str(answer["ETag"]))

    def put(self, key: str, data: bytes, condition: Mapping[str, str]) -> str:
        """Put an object on a condition (``IfMatch``, ``IfNoneMatch``) and return its ETag.

        botocore sends a request again when its answer is lost; the condition then fails on our own
        first try. A random id in the object's metadata tells that from another writer's success.

        Raises
        ------
        ConflictError
            If the condition does not hold.
        """
        write_id = uuid.uuid4().hex
        metadata = {_WRITE_ID: write_id}
        with translated(self.uri_of(key)):
            for _ in range(_TRIES):
                try:
                    answer = self._client.put_object(
                        Bucket=self._name, Key=key, Body=data, Metadata=metadata, **condition
                    )
                    return str(answer["ETag"])
                except ClientError as exc:
                    code = error_code(exc)
                    if code == "PreconditionFailed" or (code == "NoSuchKey" and condition):
                        return self._won_already(key, write_id)
                    if code != "ConditionalRequestConflict":
                        raise
        raise TransientLakeError(f"{self.uri_of(key)}: many writers at once; try again")

    def upload(self, file: Path, key: str) -> None:
        """Upload a file of any size, in parts if it is large."""
        with translated(self.uri_of(key)), file.open("rb") as stream:
            # Callers upload many files side by side; that is the parallelism.
            settings = TransferConfig(use_threads=False)
            self._client.upload_fileobj(stream, self._name, key, Config=settings)

    def download(self, key: str, to: Path) -> str:
        """Write an object to a file, synced to disk, and return the sha256 of its bytes.

        Raises
        ------
        CorruptArtifactError
            If there is no such object: it is downloaded because a manifest names it.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._stream(key, to)
            except TransientLakeError:
                # botocore does not repeat a request whose answer broke off in the middle.
                continue
        return self._stream(key, to)

    def keys(self, start: str) -> Iterator[tuple[str, float]]:
        """Yield every key that begins with `start` and when it was put, in epoch seconds."""
        pages = self._client.get_paginator("list_objects_v2")
        with translated(self.uri_of(start)):
            for page in pages.paginate(Bucket=self._name, Prefix=start):
                for entry in page.get("Contents", []):
                    yield entry["Key"], entry["LastModified"].timestamp()

    def first_key(self, start: str) -> str | None:
        """Return the first key in order that begins with `start`, or None."""
        with translated(self.uri_of(start)):
            answer = self._client.list_objects_v2(Bucket=self._name, Prefix=start, MaxKeys=1)
        keys: list[str] = [entry["Key"] for entry in answer.get("Contents", [])]
        return keys[0] if keys else None

    def exists(self, key: str) -> bool:
        """Return whether there is an object. A missing bucket is an error, not a no."""
        return self.first_key(key) == key

    def tags(self, key: str) -> dict[str, str]:
        """Return an object's tags."""
        with translated(self.uri_of(key)):
            answer = self._client.get_object_tagging(Bucket=self._name, Key=key)
            return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags."""
        with translated(self.uri_of(key)):
            if not tags:
                self._client.delete_object_tagging(Bucket=self._name, Key=key)
                return
            pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
            self._client.put_object_tagging(Bucket=self._name, Key=key, Tagging={"TagSet": pairs})

    def delete_below(self, start: str) -> None:
        """Delete every object whose key begins with `start`."""
        keys = [{"Key": key} for key, _ in self.keys(start)]
        with translated(self.uri_of(start)):
            for first in range(0, len(keys), _KEYS_IN_ONE_DELETE):
                batch = {"Objects": keys[first : first + _KEYS_IN_ONE_DELETE], "Quiet": True}
                answer = self._client.delete_objects(Bucket=self._name, Delete=batch)
                for refused in answer.get("Errors", [])[:1]:
                    raise LakeError(
                        f"{self.uri_of(refused['Key'])} was not deleted: {refused['Message']}"
                    )

    def _get(self, key: str) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = self._client.get_object(Bucket=self._name, Key=key)
        except ClientError as exc:
            if error_code(exc) == "NoSuchKey":
                return None
            raise
        return answer

    def _won_already(self, key: str, write_id: str) -> str:
        answer = self._get(key)
        if answer is not None and answer["Metadata"].get(_WRITE_ID) == write_id:
            return str(answer["ETag"])
        raise ConflictError(
            f"{self.uri_of(key)} was changed by another writer; read it and decide again"
        )

    def _stream(self, key: str, to: Path) -> str:
        digest = hashlib.sha256()
        with translated(self.uri_of(key)):
            answer = self._get(key)
            if answer is None:
                raise CorruptArtifactError(f"{self.uri_of(key)} is missing: its manifest names it")
            with to.open("wb") as stream:
                for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                    digest.update(chunk)
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
        return digest.hexdigest()
