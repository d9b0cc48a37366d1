"""Lambda function: whether to ask for training."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.decide_retraining import decide_retraining


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Decide by the drift report of the monitoring run ``event["run_id"]``."""
    now_ms = int(event.get("now_ms") or time.time() * 1000)
    return decide_retraining(event, open_lake_from(os.environ), now_ms=now_ms)
