"""Numbers as CloudWatch's embedded metric format: one JSON line, which CloudWatch Logs reads.

No request, no permission and no library: a function prints, and the metric is there.
"""

import json
from collections.abc import Sequence
from typing import Final, TextIO

from endcap.ports import Measured

NAMESPACE: Final = "Endcap"
DIMENSION: Final = "Deployment"


class EmbeddedMetrics:
    """A `MetricSink` that writes to a stream; all numbers have one dimension, `deployment`."""

    def __init__(self, stream: TextIO, *, deployment: str) -> None:
        self._stream = stream
        self._deployment = deployment

    def put(self, measured: Sequence[Measured], *, now_ms: int) -> None:
        """Write one line with all of them."""
        if not measured:
            return
        definitions = [{"Name": one.name, "Unit": one.unit} for one in measured]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": definitions,
        }
        line = {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            DIMENSION: self._deployment,
            **{one.name: one.value for one in measured},
        }
        print(json.dumps(line), file=self._stream, flush=True)
