import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from endcap.adapters.firehose_log import (
    BYTES_AT_ONCE,
    RECORD_BYTES,
    RECORDS_AT_ONCE,
    TRIES,
    FirehoseLog,
)
from endcap.errors import RecordLogUnavailableError
from endcap.ports import EVENTS, STREAMS, Record, RecordLog
from tests.adapters.aws_server import aws_server, client_of, make_stream
from tests.adapters.record_log_contract import RecordLogContract, record


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with aws_server() as url:
        yield url


class TestFirehoseLog(RecordLogContract):
    @pytest.fixture
    def log(self, server: str, session: boto3.Session) -> RecordLog:
        firehose, s3 = (client_of(service, server, session) for service in ("firehose", "s3"))
        name = uuid.uuid4().hex
        s3.create_bucket(Bucket=name)
        for stream in STREAMS:
            make_stream(firehose, f"{name}-{stream}", bucket=name, prefix=f"log/{stream}/")
        return FirehoseLog(
            {stream: f"{name}-{stream}" for stream in STREAMS},
            firehose=firehose,
            s3=s3,
            delivered=f"s3://{name}/log",
        )


class Throttled:
    """A Firehose that refuses every other record, `n` times."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.taken: list[bytes] = []
        self.sizes: list[int] = []

    def put_record_batch(
        self,
        DeliveryStreamName: str,  # noqa: N803, ARG002
        Records: list[dict[str, bytes]],  # noqa: N803
    ) -> dict[str, Any]:
        self.sizes.append(len(Records))
        responses: list[dict[str, str]] = []
        for place, entry in enumerate(Records):
            if self.left and place % 2:
                responses.append({"ErrorCode": "ServiceUnavailableException"})
            else:
                self.taken.append(entry["Data"])
                responses.append({"RecordId": "r"})
        self.left -= bool(self.left)
        failed = sum("ErrorCode" in response for response in responses)
        return {"FailedPutCount": failed, "RequestResponses": responses}


def log_over(firehose: object) -> FirehoseLog:
    return FirehoseLog({EVENTS: "stream"}, firehose=firehose, sleep=lambda _: None)


def test_what_was_refused_is_sent_again_and_nothing_else() -> None:
    firehose = Throttled(2)
    log_over(firehose).append(EVENTS, [record(n) for n in range(8)])
    assert firehose.sizes == [8, 4, 2]
    assert len(set(firehose.taken)) == len(firehose.taken) == 8


def test_what_is_refused_for_ever_is_not_acknowledged() -> None:
    firehose = Throttled(1_000)
    with pytest.raises(RecordLogUnavailableError, match="throttled"):
        log_over(firehose).append(EVENTS, [record(n) for n in range(2**TRIES)])
    assert len(firehose.sizes) == TRIES


def test_batches_keep_to_the_limits() -> None:
    firehose = Throttled(0)
    log_over(firehose).append(EVENTS, [record(n) for n in range(RECORDS_AT_ONCE + 1)])
    assert firehose.sizes == [RECORDS_AT_ONCE, 1]
    large = Record(1, {"filling": "x" * (BYTES_AT_ONCE // 5)})
    log_over(firehose).append(EVENTS, [large] * 6)
    assert firehose.sizes[2:] == [4, 2]


def test_a_record_that_firehose_would_not_take_is_refused() -> None:
    with pytest.raises(RecordLogUnavailableError, match="more than Firehose takes"):
        log_over(Throttled(0)).append(EVENTS, [Record(1, {"filling": "x" * RECORD_BYTES})])


def test_firehose_away_is_ours() -> None:
    class Away:
        def put_record_batch(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://firehose")

    with pytest.raises(RecordLogUnavailableError, match="EndpointConnectionError"):
        log_over(Away()).append(EVENTS, [record(1)])


def test_a_log_without_a_bucket_cannot_be_read() -> None:
    with pytest.raises(RecordLogUnavailableError, match="delivered"):
        list(log_over(Throttled(0)).read(EVENTS, since_ms=0))
