"""Lambda function: batch recommendations."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.publish_recommendations import publish_recommendations


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Publish the champion's recommendations after the run ``event["run_id"]``."""
    return publish_recommendations(event, open_lake_from(os.environ))
