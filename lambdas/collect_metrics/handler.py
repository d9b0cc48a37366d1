"""Lambda function: what the service did lately."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from, open_record_log_from
from endcap.use_cases.collect_metrics import collect_metrics


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Measure the window before ``event["now_ms"]``, or before now."""
    now_ms = int(event.get("now_ms") or time.time() * 1000)
    lake, log = open_lake_from(os.environ), open_record_log_from(os.environ)
    return collect_metrics(event, lake, log, now_ms=now_ms)
