"""Who may do what with the lake's bucket: named actions on named prefixes."""

from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

LAKE: Final = "lake"
"""Prefix of the lake in its bucket."""
RECORD_LOG: Final = "record-log"
"""Prefix that the delivery streams deliver to."""
RAW: Final = "raw"
"""Prefix below which raw logs lie."""
RECORD_STREAMS: Final = ("events", "exposures", "erasures")
"""The record log's streams; a test holds them equal to the service's own."""
RETIRED_TAG: Final = ("endcap-retired", "true")
"""What a lake tags a model's objects with when nothing needs it any more; held equal by a test."""

_READ: Final = ["s3:GetObject"]
_WRITE: Final = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:GetObjectTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
]


def lake_uri(bucket: s3.IBucket) -> str:
    """Return the lake's address."""
    return f"s3://{bucket.bucket_name}/{LAKE}"


def allow_reading(grantee: iam.IGrantable, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let `grantee` list and read what lies below the prefixes."""
    _allow(grantee, bucket, _READ, prefixes)
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}},
        )
    )


def allow_writing(grantee: iam.IGrantable, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let `grantee` put, tag and delete objects below the prefixes."""
    _allow(grantee, bucket, _WRITE, prefixes)


def _allow(
    grantee: iam.IGrantable, bucket: s3.IBucket, actions: list[str], prefixes: tuple[str, ...]
) -> None:
    grantee.grant_principal.add_to_principal_policy(
        iam.PolicyStatement(
            actions=actions,
            resources=[bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes],
        )
    )
