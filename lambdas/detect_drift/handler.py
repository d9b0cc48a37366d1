"""Lambda function: whether the traffic has drifted."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from, open_record_log_from
from endcap.use_cases.detect_drift import detect_drift


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Compare the window before ``event["now_ms"]``, or before now, with the champion's test."""
    now_ms = int(event.get("now_ms") or time.time() * 1000)
    lake, log = open_lake_from(os.environ), open_record_log_from(os.environ)
    return detect_drift(event, lake, log, now_ms=now_ms)
