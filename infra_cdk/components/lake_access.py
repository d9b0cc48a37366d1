"""Who may do what with the lake's bucket: named actions on named prefixes."""

from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra_cdk.components.permissions import allow, shared

LAKE: Final = "lake"
"""Prefix of the lake in its bucket."""
RECORD_LOG: Final = "record-log"
"""Prefix that the delivery streams deliver to."""
RAW: Final = "raw"
"""Prefix below which raw logs lie."""
REQUESTS: Final = "requests"
"""Prefix below which requests for batch recommendations lie."""
RECORD_STREAMS: Final = ("events", "exposures", "erasures")
"""The record log's streams; a test holds them equal to the service's own."""
RETIRED_TAG: Final = ("endcap-retired", "true")
"""What a lake tags a model's objects with when nothing needs it any more; held equal by a test."""

_BELOW: Final = (
    "The lake names its folders by hashes that are known only at run time; the star stands below "
    "one prefix of one bucket."
)
_WRITING: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:GetObjectTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
)


def lake_uri(bucket: s3.IBucket) -> str:
    """Return the lake's address."""
    return f"s3://{bucket.bucket_name}/{LAKE}"


def allow_reading(who: iam.IGrantable, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let `who` list and read what lies below the prefixes."""
    arn = _arn(who, bucket)
    allow(who, ["s3:GetObject"], _below(arn, prefixes), star=_BELOW)
    # Without a condition on prefixes: whoever may not list the bucket is told 403 where an object
    # is absent, and a request for an object has no prefix that a condition could look at.
    allow(who, ["s3:ListBucket"], [arn])


def allow_writing(who: iam.IGrantable, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let `who` put, tag and delete objects below the prefixes."""
    allow(who, _WRITING, _below(_arn(who, bucket), prefixes), star=_BELOW)


def allow_delivering(who: iam.IGrantable, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let a delivery stream's role put objects below the prefixes."""
    arn = _arn(who, bucket)
    allow(
        who,
        ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
        _below(arn, prefixes),
        star=_BELOW,
    )
    allow(who, ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [arn])


def _arn(who: iam.IGrantable, bucket: s3.IBucket) -> str:
    return shared(bucket, who.grant_principal, bucket.bucket_arn)  # type: ignore[arg-type]


def _below(arn: str, prefixes: tuple[str, ...]) -> list[str]:
    return [f"{arn}/{prefix}/*" for prefix in prefixes]
