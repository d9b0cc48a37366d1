"""What runs inside a function's process: ``python -m infra_local.lambda_worker MODULE FILES PIPE``.

Stands in for AWS Lambda's Python runtime. FILES is a folder with ``event.json``; the answer goes to
``result.json``, so that nothing a handler prints can corrupt it. Its two shapes are
``{"payload": ...}`` and ``{"error": {"errorType", "errorMessage", "stackTrace"}}``.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_local.parent_watch import end_with_parent

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class LambdaContext:
    """The second argument of a handler: the part of AWS Lambda's context object that is ours."""

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: int
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the invocation is timed out."""
        return max(0, int((self.deadline - time.time()) * 1000))


def main(arguments: list[str]) -> int:
    """Answer one event. The exit code is 0 whenever an answer, be it an error, was written."""
    module, folder, pipe = arguments[0], Path(arguments[1]), int(arguments[2])
    end_with_parent(pipe)
    call = json.loads((folder / "event.json").read_text())
    context = LambdaContext(
        aws_request_id=call["request_id"],
        function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", module),
        memory_limit_in_mb=int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0")),
        deadline=time.time() + call["timeout_seconds"],
    )
    result = answer(module, call["event"], context)
    partial = folder / "result.json.partial"
    partial.write_text(result)
    partial.replace(folder / "result.json")
    return 0


def answer(module: str, event: object, context: LambdaContext) -> str:
    """Return the result file's text for one event: a payload, or the error that AWS would name."""
    try:
        handler: Handler = importlib.import_module(module).handler
    except ImportError as exc:
        return _error(
            exc, "Runtime.ImportModuleError", f"Unable to import module '{module}': {exc}"
        )
    except AttributeError as exc:
        return _error(exc, "Runtime.HandlerNotFound", f"Handler 'handler' missing on '{module}'")
    try:
        payload = handler(event, context)
    except Exception as exc:  # noqa: BLE001 - the runtime reports whatever a handler raises
        return _error(exc, type(exc).__name__, str(exc))
    try:
        return json.dumps({"payload": payload}, allow_nan=False)
    except (TypeError, ValueError) as exc:
        return _error(exc, "Runtime.MarshalError", f"Unable to marshal response: {exc}")


def _error(exc: Exception, error_type: str, message: str) -> str:
    traceback.print_exception(exc)
    stack = traceback.format_tb(exc.__traceback__)[1:]
    return json.dumps(
        {"error": {"errorType": error_type, "errorMessage": message, "stackTrace": stack}}
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
