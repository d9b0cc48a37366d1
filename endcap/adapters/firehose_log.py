"""A record log on AWS: Firehose takes the records, and delivers them to the lake's bucket.

Each stream delivers to ``<delivered>/<stream>/YYYY/MM/dd/HH/``, in UTC by the time of arrival, one
JSON object a line: ``{"received_ms": ..., "fields": {...}}``. An object may hold a record twice.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endcap.errors import RecordLogUnavailableError
from endcap.ports import Record

RECORDS_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 4 << 20
RECORD_BYTES: Final = 1_000 << 10
TRIES: Final = 5

_HOUR_MS: Final = 3_600_000


class FirehoseLog:
    """A `RecordLog` of delivery streams, `streams` by the log's own names for them.

    `delivered`: ``s3://bucket/prefix`` that they deliver to, for whoever reads; what they took in
    the last minutes is not there yet. `sleep` is called with seconds between tries.
    """

    def __init__(
        self,
        streams: Mapping[str, str],
        *,
        firehose: Any,  # noqa: ANN401 -- boto3's clients have no type of their own
        s3: Any = None,  # noqa: ANN401
        delivered: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._streams = streams
        self._firehose = firehose
        self._s3 = s3
        self._delivered = delivered
        self._sleep = sleep

    @classmethod
    def connect(cls, streams: Mapping[str, str], *, delivered: str | None) -> Self:
        """Return the log of delivery streams of this account and region."""
        config = Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"total_max_attempts": 3, "mode": "standard"},
        )
        return cls(
            streams,
            firehose=boto3.client("firehose", config=config),
            s3=None if delivered is None else boto3.client("s3"),
            delivered=delivered,
        )

    def append(self, stream: str, records: Sequence[Record]) -> None:
        """Make the records durable: Firehose has taken them, on several machines."""
        for batch in _batches(map(_to_bytes, records)):
            self._put(self._streams[stream], batch)

    def read(self, stream: str, *, since_ms: int) -> Iterator[Record]:
        """Yield what was delivered and received at or after `since_ms`."""
        if self._delivered is None or self._s3 is None:
            raise RecordLogUnavailableError(
                "the record log was opened without 'delivered', so it cannot be read here"
            )
        parts = urlsplit(self._delivered)
        prefix = "/".join(part for part in (parts.path.strip("/"), stream) if part) + "/"
        try:
            for key in self._keys(parts.netloc, prefix, since_ms):
                body = self._s3.get_object(Bucket=parts.netloc, Key=key)["Body"]
                for line in body.iter_lines():
                    record = _from_bytes(line)
                    if record.received_ms >= since_ms:
                        yield record
        except (ClientError, BotoCoreError) as exc:
            raise self._unavailable(exc) from exc

    def _keys(self, bucket: str, prefix: str, since_ms: int) -> Iterator[str]:
        # Partitions are named by arrival, which is after receipt; an hour allows for clocks.
        earliest = datetime.fromtimestamp(max(since_ms - _HOUR_MS, 0) / 1000, tz=UTC)
        start_after = f"{prefix}{earliest - timedelta(hours=1):%Y/%m/%d/%H}"
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
            for found in page.get("Contents", []):
                yield found["Key"]

    def _put(self, stream: str, batch: list[bytes]) -> None:
        for attempt in range(1, TRIES + 1):
            entries = [{"Data": data} for data in batch]
            try:
                answer = self._firehose.put_record_batch(DeliveryStreamName=stream, Records=entries)
            except (ClientError, BotoCoreError) as exc:
                raise self._unavailable(exc) from exc
            if not answer["FailedPutCount"]:
                return
            told = zip(batch, answer["RequestResponses"], strict=True)
            batch = [data for data, response in told if "ErrorCode" in response]
            self._sleep(0.05 * 2**attempt)
        raise RecordLogUnavailableError(f"the stream {stream} is throttled: {len(batch)} records")

    def _unavailable(self, exc: Exception) -> RecordLogUnavailableError:
        code = exc.response["Error"]["Code"] if isinstance(exc, ClientError) else type(exc).__name__
        return RecordLogUnavailableError(f"the record log on AWS: {code}")


def _to_bytes(record: Record) -> bytes:
    content = {"received_ms": record.received_ms, "fields": record.fields}
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(data) > RECORD_BYTES:
        raise RecordLogUnavailableError(
            f"a record of {len(data)} bytes is more than Firehose takes ({RECORD_BYTES})"
        )
    return data


def _from_bytes(line: bytes) -> Record:
    content = json.loads(line)
    return Record(content["received_ms"], content["fields"])


def _batches(records: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for data in records:
        if batch and (len(batch) == RECORDS_AT_ONCE or size + len(data) > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += len(data)
    if batch:
        yield batch
