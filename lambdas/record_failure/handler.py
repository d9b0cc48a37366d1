"""Lambda function: what stopped a run."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.record_failure import record_failure


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Record that ``event["state"]`` of ``event["run_id"]`` failed with ``event["error"]``."""
    return record_failure(event, open_lake_from(os.environ))
