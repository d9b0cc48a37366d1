"""Lambda function: the scoreboard."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.evaluate import evaluate


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Evaluate the run ``event["run_id"]``."""
    return evaluate(event, open_lake_from(os.environ))
