"""A function that does what its event says."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from endcap.errors import DatasetError, TransientLakeError
from infra_local.lambda_worker import LambdaContext


def handler(event: Mapping[str, Any], context: LambdaContext) -> object:
    print("doing", event["do"], "as", context.function_name, flush=True)
    print('{"payload": "printed, not answered"}', file=sys.stderr)
    match event["do"]:
        case "echo":
            return {**event, "lake": os.environ["ENDCAP_LAKE_URI"]}
        case "environment":
            return dict(os.environ)
        case "flaky":
            return _fail_at_first(Path(event["marks"]), int(event["failures"]))
        case "refuse" | "refuse once another runs" as do:
            _refuse(Path(os.environ["ENDCAP_LAKE_URI"]), waits=do != "refuse")
        case "sleep":
            Path(event["marks"], str(os.getpid())).touch()
            time.sleep(60)
        case "exit":
            os._exit(7)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "unprintable":
            return {"a set": {1, 2}}
        case "allocate":
            allocated = bytearray(300 * 1024 * 1024)
            # Long enough to be looked at: a parent larger than this learns of it in no other way.
            time.sleep(2)
            return len(allocated)
    raise AssertionError(event["do"])


def _refuse(folder: Path, *, waits: bool) -> None:
    """Refuse, at once or when a process left its mark, as it does when it begins to sleep."""
    deadline = time.monotonic() + 20
    while waits and not any(path.name.isdigit() for path in folder.iterdir()):
        if time.monotonic() > deadline:
            raise AssertionError("no process began")
        time.sleep(0.02)
    raise DatasetError("the log has no column 'timestamp'")


def _fail_at_first(marks: Path, failures: int) -> dict[str, int]:
    done = len(list(marks.iterdir()))
    if done < failures:
        (marks / str(done)).touch()
        raise TransientLakeError("the lake is throttled")
    return {"failures": done}
