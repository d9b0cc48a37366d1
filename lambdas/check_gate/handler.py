"""Lambda function: challenger against champion."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.check_gate import check_gate


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Say whether the model of the run ``event["run_id"]`` may be promoted."""
    return check_gate(event, open_lake_from(os.environ))
