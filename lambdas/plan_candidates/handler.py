"""Lambda function: the queries to learn from and their shards."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.plan_candidates import plan_candidates


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Plan the shards of the run ``event["run_id"]``."""
    return plan_candidates(event, open_lake_from(os.environ))
