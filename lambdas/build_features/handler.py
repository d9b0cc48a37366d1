"""Lambda function: one family of item-side features."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.build_features import build_features


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Build the family ``event["family"]`` for the run ``event["run_id"]``."""
    return build_features(event, open_lake_from(os.environ))
