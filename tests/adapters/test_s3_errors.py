import string
from typing import Any

import pytest
from awswrangler import exceptions as wrangler
from boto3.exceptions import Boto3Error, RetriesExceededError, S3UploadFailedError
from botocore import exceptions as aws

from endcap.adapters.s3_errors import translated
from endcap.errors import (
    ConfigError,
    ConflictError,
    EndcapError,
    LakeError,
    NotFoundError,
    TransientLakeError,
)

NAME = "s3://shop-lake/x"


def answer(code: str, status: int = 400) -> aws.ClientError:
    response = {
        "Error": {"Code": code, "Message": "because"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return aws.ClientError(response, "PutObject")


def translation_of(error: Exception) -> EndcapError:
    with pytest.raises(EndcapError) as caught, translated(NAME):
        raise error
    assert caught.value.__cause__ is error
    assert NAME in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "kind", "says"),
    [
        ("SlowDown", 503, TransientLakeError, "throttling"),
        ("Throttling", 400, TransientLakeError, "throttling"),
        ("ThrottlingException", 400, TransientLakeError, "throttling"),
        ("TooManyRequestsException", 429, TransientLakeError, "throttling"),
        ("RequestLimitExceeded", 400, TransientLakeError, "throttling"),
        ("RequestTimeout", 400, TransientLakeError, "failing"),
        ("InternalError", 500, TransientLakeError, "failing"),
        ("ServiceUnavailable", 503, TransientLakeError, "failing"),
        ("502", 502, TransientLakeError, "failing"),
        ("", 504, TransientLakeError, "failing"),
        ("OperationAborted", 409, TransientLakeError, "just now"),
        ("ConcurrentModificationException", 400, TransientLakeError, "just now"),
        ("AccessDenied", 403, LakeError, "denies PutObject.*s3:ListBucket"),
        ("AccessDeniedException", 400, LakeError, "denies PutObject.*Glue"),
        ("403", 403, LakeError, "denies PutObject"),
        ("ExpiredToken", 400, LakeError, "credentials.*renew"),
        ("InvalidAccessKeyId", 403, LakeError, "credentials.*renew"),
        ("SignatureDoesNotMatch", 403, LakeError, "credentials.*renew"),
        ("NoSuchBucket", 404, NotFoundError, "bucket does not exist; create it"),
        ("NoSuchKey", 404, NotFoundError, "no such object"),
        ("404", 404, NotFoundError, "no such object"),
        ("EntityNotFoundException", 400, NotFoundError, "create the database"),
        ("PreconditionFailed", 412, ConflictError, "another writer"),
        ("ConditionalRequestConflict", 409, TransientLakeError, "just now"),
        ("EntityTooLarge", 400, LakeError, "EntityTooLarge.*because"),
        ("SomethingNew", 418, LakeError, "SomethingNew.*because"),
    ],
)
def test_an_answer_of_the_service_is_translated(
    code: str, status: int, kind: type[EndcapError], says: str
) -> None:
    translation = translation_of(answer(code, status))
    assert type(translation) is kind
    with pytest.raises(kind, match=says):
        raise translation


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (aws.EndpointConnectionError(endpoint_url="u"), TransientLakeError, "reached"),
        (aws.ConnectTimeoutError(endpoint_url="u"), TransientLakeError, "reached"),
        (aws.ReadTimeoutError(endpoint_url="u"), TransientLakeError, "reached"),
        (aws.ConnectionClosedError(endpoint_url="u"), TransientLakeError, "reached"),
        (aws.ResponseStreamingError(error="e"), TransientLakeError, "reached"),
        (
            aws.IncompleteReadError(actual_bytes=1, expected_bytes=2),
            TransientLakeError,
            "reached",
        ),
        (aws.SSLError(endpoint_url="u", error="e"), LakeError, "SSL"),
        (aws.NoCredentialsError(), LakeError, "sign in"),
        (aws.ProfileNotFound(profile="p"), LakeError, "sign in"),
        (aws.NoRegionError(), LakeError, "AWS_DEFAULT_REGION"),
        (aws.ParamValidationError(report="Invalid bucket"), LakeError, "Invalid bucket"),
        (RetriesExceededError(ValueError("e")), TransientLakeError, "reached"),
        (S3UploadFailedError("half way"), LakeError, "half way"),
    ],
)
def test_an_error_before_any_answer_is_translated(
    error: Exception, kind: type[EndcapError], says: str
) -> None:
    translation = translation_of(error)
    assert type(translation) is kind
    assert says in str(translation)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (wrangler.ServiceApiError("e"), TransientLakeError),
        (wrangler.NoFilesFound("e"), NotFoundError),
        (wrangler.ResourceDoesNotExist("e"), NotFoundError),
        (wrangler.InvalidTable("e"), LakeError),
    ],
)
def test_an_error_of_awswrangler_is_translated(error: Exception, kind: type[EndcapError]) -> None:
    assert type(translation_of(error)) is kind


def _all_below(root: type[Any]) -> list[type[Any]]:
    below = root.__subclasses__()
    return [root, *below, *(deeper for each in below for deeper in _all_below(each))]


def _made(kind: type[Any]) -> Exception:
    fields = [field for _, field, _, _ in string.Formatter().parse(getattr(kind, "fmt", ""))]
    try:
        made: Exception = kind(**{field: field for field in fields if field})
    except TypeError:
        made = Exception.__new__(kind)
    return made


@pytest.mark.parametrize(
    "kind", _all_below(aws.BotoCoreError) + _all_below(Boto3Error), ids=lambda kind: kind.__name__
)
def test_no_error_of_the_aws_libraries_is_missed(kind: type[Any]) -> None:
    assert isinstance(translation_of(_made(kind)), EndcapError)


def test_no_error_of_awswrangler_is_missed() -> None:
    kinds = [
        kind
        for kind in vars(wrangler).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) > 10
    assert all(isinstance(translation_of(_made(kind)), EndcapError) for kind in kinds)


@pytest.mark.parametrize("error", [KeyError("x"), ConfigError("x"), OSError("x")])
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated(NAME):
        raise error
    assert caught.value is error
