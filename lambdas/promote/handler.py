"""Lambda function: a new champion."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.promote import promote


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Promote the model of the run ``event["run_id"]``."""
    return promote(event, open_lake_from(os.environ), now_ms=int(time.time() * 1000))
