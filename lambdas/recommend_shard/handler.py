"""Lambda function: recommendations for one shard of a batch."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.shard_batch import recommend_shard


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Answer the shard ``event["shard"]`` of the batch ``event["run_id"]``."""
    return recommend_shard(event, open_lake_from(os.environ))
