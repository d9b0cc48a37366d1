"""Where events end that could not be delivered."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge


def dead_letter_queue(scope: Construct, name: str) -> sqs.Queue:
    """Return a queue that keeps what it is given for two weeks."""
    queue = sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    acknowledge(queue, {"AwsSolutions-SQS3": "It is where others' undelivered events end."})
    return queue
