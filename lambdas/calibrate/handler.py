"""Lambda function: scores to probabilities and intervals."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.calibrate import calibrate


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Calibrate the ranker of the run ``event["run_id"]``."""
    return calibrate(event, open_lake_from(os.environ))
