"""Lambda function: one shard's candidates and features."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.use_cases.generate_candidates import generate_candidates


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Generate the candidates of ``event["fold"]``, ``event["shard"]``."""
    return generate_candidates(event, open_lake_from(os.environ))
