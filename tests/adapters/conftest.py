from collections.abc import Iterator

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from moto import mock_aws

NO_RETRIES = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand moto's AWS in for the real one, with credentials that are good nowhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """Give the one session of all tests: it reads the services' descriptions only once."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


@pytest.fixture
def client(aws: None, session: boto3.Session) -> BaseClient:  # noqa: ARG001 - stands in first
    """Give an S3 client of the test's own, with one bucket."""
    client = session.client("s3", config=NO_RETRIES)
    client.create_bucket(Bucket="shop-lake")
    return client
