"""Lambda function: raw log to canonical tables."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.adapters.raw_logs import OpenRawLogs
from endcap.bootstrap import open_lake_from, open_record_log_from
from endcap.use_cases.validate_and_clean import validate_and_clean


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Start the run ``event["run_id"]`` and clean its log, with what was recorded if asked for."""
    lake, now_ms = open_lake_from(os.environ), int(time.time() * 1000)
    log = open_record_log_from(os.environ) if event.get("recorded") else None
    return validate_and_clean(event, lake, OpenRawLogs(), now_ms=now_ms, record_log=log)
