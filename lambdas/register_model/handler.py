"""Lambda function: the model bundle."""

import os
from collections.abc import Mapping
from typing import Any

from endcap.bootstrap import open_lake_of
from endcap.settings import read_settings
from endcap.use_cases.register_model import register_model


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Assemble the bundle of the run ``event["run_id"]``."""
    settings = read_settings(os.environ)
    return register_model(event, open_lake_of(settings), code_version=settings.code_version)
