"""Lambda function: what monitoring found, as metrics."""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from, open_metric_sink_from
from endcap.use_cases.publish_metrics import publish_metrics


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Publish what the monitoring run ``event["run_id"]`` found."""
    sink = open_metric_sink_from(os.environ, sys.stdout)
    # The present, whatever window was looked at: CloudWatch takes nothing older than two weeks.
    now_ms = int(time.time() * 1000)
    return publish_metrics(event, open_lake_from(os.environ), sink, now_ms=now_ms)
