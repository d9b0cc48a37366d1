"""Log groups, all alike: named by CloudFormation, kept for so many days, deleted with the stack."""

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

_RETENTION: Final = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_group(scope: Construct, name: str, *, days: int) -> logs.LogGroup:
    """Return a new log group. CloudWatch encrypts every log group with keys of its own."""
    return logs.LogGroup(
        scope, name, retention=_RETENTION[days], removal_policy=RemovalPolicy.DESTROY
    )
