"""A step of the training workflow, as a function or as a container, that computes nothing.

It keeps what it was asked, and answers what any of the workflow's states may look for.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra_local.lambda_worker import LambdaContext

ANSWER = {
    "folds": ["ranking", "test"],
    "shards": [{"fold": "ranking", "shard": 0}, {"fold": "test", "shard": 0}],
    "reasons": ["it is a toy"],
}


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    lake = Path(os.environ["ENDCAP_LAKE_URI"])
    (lake / f"{context.aws_request_id}.json").write_text(json.dumps(event))
    return {**ANSWER, "promote": (lake / "promote").exists()}


def main() -> int:
    asked = {key: os.environ[key] for key in ("ENDCAP_RUN_ID", "ENDCAP_FOLD") if key in os.environ}
    lake = Path(os.environ["ENDCAP_LAKE_URI"])
    (lake / f"{os.getpid()}.json").write_text(json.dumps(asked))
    if (lake / "break the job").exists():
        print(json.dumps({"error": "NotEnoughDataError", "message": "one day"}), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
