"""moto's server, which speaks AWS's protocols over HTTP, and clients of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION = "us-east-1"


@contextmanager
def aws_server() -> Iterator[str]:
    """Run the server, and give its URL.

    One request at a time: moto's tables are plain dictionaries, that two threads trip over.
    """
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client_of(service: str, url: str, session: boto3.Session) -> Any:  # noqa: ANN401
    """Return a client that talks to the server."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
    return session.client(service, endpoint_url=url, config=config)


def make_history_table(client: Any, name: str) -> None:  # noqa: ANN401
    """Make a table as the service's own."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "user_id", "KeyType": "HASH"},
            {"AttributeName": "moment", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "user_id", "AttributeType": "S"},
            {"AttributeName": "moment", "AttributeType": "S"},
        ],
    )


def make_stream(firehose: Any, name: str, *, bucket: str, prefix: str) -> None:  # noqa: ANN401
    """Make a delivery stream into a bucket."""
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/delivery",
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": prefix,
            "CompressionFormat": "UNCOMPRESSED",
        },
    )
