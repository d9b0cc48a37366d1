"""The AWS libraries' errors as ours: throttled or away, refused, not there, lost, and the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore import exceptions as aws

from endcap.errors import ConflictError, EndcapError, LakeError, NotFoundError, TransientLakeError

_PASSING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "Busy",
        "ConcurrentModificationException",
        "ConditionalRequestConflict",
        "InternalError",
        "InternalFailure",
        "InternalServiceException",
        "OperationAborted",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_CREDENTIAL_CODES: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_DENIED_CODES: Final = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AccountProblem", "AllAccessDisabled"}
)
_ABSENT_CODES: Final = frozenset({"404", "NoSuchKey", "NotFound", "ResourceNotFoundException"})
_PASSING_ERRORS: Final = (
    aws.ConnectionError,
    aws.HTTPClientError,
    aws.IncompleteReadError,
    aws.FlexibleChecksumError,
    aws.CredentialRetrievalError,
    aws.MetadataRetrievalError,
    RetriesExceededError,
)
_CREDENTIAL_ERRORS: Final = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.ProfileNotFound,
    aws.TokenRetrievalError,
    aws.UnauthorizedSSOTokenError,
)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what boto3, botocore and awswrangler raise into our errors; ours pass as they are.

    Parameters
    ----------
    name
        What was read or written: the address that the message names.

    Raises
    ------
    TransientLakeError
        Throttled, timed out, unreachable, or failed on the service's side.
    NotFoundError
        The bucket, object, database or table does not exist.
    ConflictError
        The condition of a conditional write did not hold.
    LakeError
        Access denied, credentials refused, and everything else.
    """
    try:
        yield
    except (aws.ClientError, aws.BotoCoreError, Boto3Error) as exc:
        raise translate(exc, name) from exc
    except Exception as exc:
        # awswrangler's errors have no base class, and importing it here would load pandas.
        if type(exc).__module__.split(".", 1)[0] != "awswrangler":
            raise
        raise _translate_wrangler(exc, name) from exc


def error_code(error: aws.ClientError) -> str:
    """Return the service's own code for an error, such as ``PreconditionFailed``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(error: Exception, name: str) -> EndcapError:
    """Return our error for one of the AWS libraries' own about `name`."""
    if isinstance(error, aws.ClientError):
        return _translate_answer(error, name)
    if isinstance(error, _CREDENTIAL_ERRORS):
        return LakeError(f"{name}: no usable AWS credentials ({error}); sign in or set them")
    if isinstance(error, aws.NoRegionError):
        return LakeError(f"{name}: no AWS region is set; set AWS_REGION or AWS_DEFAULT_REGION")
    if isinstance(error, _PASSING_ERRORS) and not isinstance(error, aws.SSLError):
        return TransientLakeError(f"{name}: AWS cannot be reached just now: {error}")
    return LakeError(f"{name}: {error}")


def _translate_answer(error: aws.ClientError, name: str) -> EndcapError:
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _PASSING_CODES or status == 429 or status >= 500:
        return TransientLakeError(f"{name}: AWS is throttling or failing just now: {error}")
    if code in _CREDENTIAL_CODES:
        return LakeError(f"{name}: AWS refuses the credentials ({code}); renew them")
    if code == "PreconditionFailed" or status == 412:
        return ConflictError(f"{name}: another writer came first; read it and decide again")
    return _absence(code, name) or _refusal(error, code, name)


def _absence(code: str, name: str) -> EndcapError | None:
    if code == "NoSuchBucket":
        return NotFoundError(f"{name}: the bucket does not exist; create it or mend the address")
    if code == "EntityNotFoundException":
        return NotFoundError(f"{name}: not in the Glue catalogue; create the database first")
    if code in _ABSENT_CODES:
        return NotFoundError(f"{name}: there is no such object; check the address")
    return None


def _refusal(error: aws.ClientError, code: str, name: str) -> EndcapError:
    if code in _DENIED_CODES:
        return LakeError(
            f"{name}: AWS denies {error.operation_name} to this identity; grant it "
            "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there "
            "(for tables, the Glue permissions too)"
        )
    return LakeError(f"{name}: {error}")


def _translate_wrangler(error: Exception, name: str) -> EndcapError:
    kind = type(error).__name__
    if kind == "ServiceApiError":
        return TransientLakeError(f"{name}: AWS is failing just now: {error}")
    if kind in {"NoFilesFound", "ResourceDoesNotExist"}:
        return NotFoundError(f"{name}: nothing lies there: {error}")
    return LakeError(f"{name}: {kind}: {error}")
