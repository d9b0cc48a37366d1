"""Lambda function: a refusal, kept with its reasons."""

import os
import time
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.keep_champion import keep_champion


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Keep the champion against the run ``event["run_id"]``."""
    return keep_champion(event, open_lake_from(os.environ), now_ms=int(time.time() * 1000))
