"""Lambda function: a batch of requests, cut into shards."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.adapters.raw_logs import OpenRawLogs
from endcap.bootstrap import open_lake_from
from endcap.use_cases.shard_batch import plan_batch


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Cut the requests at ``event["requests"]`` into shards."""
    return plan_batch(event, open_lake_from(os.environ), OpenRawLogs())
