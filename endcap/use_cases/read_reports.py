"""Reports as the workflows left them in the lake, not looked into."""

import json
from typing import Any, Final

from endcap.errors import CorruptArtifactError, NotFoundError
from endcap.ports import Lake
from endcap.use_cases.lake_layout import LATEST_DRIFT, LATEST_METRICS, LATEST_SCOREBOARD

PERFORMANCE: Final = "performance"
DRIFT: Final = "drift"
TRAFFIC: Final = "traffic"

_PATHS: Final = {PERFORMANCE: LATEST_SCOREBOARD, DRIFT: LATEST_DRIFT, TRAFFIC: LATEST_METRICS}


def read_report(lake: Lake, name: str) -> dict[str, Any]:
    """Return the latest report of a kind: `PERFORMANCE`, `DRIFT` or `TRAFFIC`.

    Raises `NotFoundError` if there is none yet, `CorruptArtifactError` if it cannot be read.
    """
    found = lake.read(_PATHS[name])
    if found is None:
        raise NotFoundError(f"there is no {name} report yet")
    try:
        report = json.loads(found.data)
    except ValueError as exc:
        raise CorruptArtifactError(f"the {name} report cannot be read: {exc}") from exc
    if not isinstance(report, dict):
        raise CorruptArtifactError(f"the {name} report is not a table of fields")
    return report
