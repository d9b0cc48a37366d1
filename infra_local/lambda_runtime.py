"""Invokes a function as a process, and answers as AWS Lambda would."""

import json
import signal
from dataclasses import dataclass
from typing import Any

from infra_local.invocation import Bench, Invocation, Place, python
from infra_local.worker_pool import Finished

MAX_PAYLOAD_BYTES = 6_291_556


@dataclass(frozen=True)
class Answer:
    """The payload of an invocation; `failed` stands for ``X-Amz-Function-Error: Unhandled``."""

    payload: Any
    failed: bool
    finished: Finished
    place: Place


def invoke(invocation: Invocation, payload: bytes, bench: Bench) -> Answer:
    """Run the function's handler on `payload`, JSON bytes, and return its answer."""
    target, place = invocation.target, bench.place(invocation.state)
    (place.folder / "event.json").write_text(
        json.dumps(
            {
                "event": json.loads(payload),
                "request_id": place.request_id,
                "timeout_seconds": target.timeout_seconds,
            }
        )
    )
    finished = bench.pool.run(
        python("infra_local.lambda_worker", target.module, str(place.folder), str(bench.pool.pipe)),
        environment={
            **bench.environment(target),
            "AWS_LAMBDA_FUNCTION_NAME": target.module.removesuffix(".handler").rsplit(".")[-1],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(target.memory_mib),
        },
        folder=place.folder,
        log_file=place.log_file,
        timeout_seconds=target.timeout_seconds,
        is_wanted=invocation.is_wanted,
    )
    answer, failed = _read_answer(finished, place, target.timeout_seconds)
    return Answer(answer, failed, finished, place)


def _read_answer(finished: Finished, place: Place, timeout_seconds: int) -> tuple[Any, bool]:
    if finished.ending == "timed out":
        reason = f"Error: Task timed out after {timeout_seconds:.2f} seconds"
        return _runtime_error("Sandbox.Timedout", place, reason), True
    if finished.ending == "called off":
        return _runtime_error("Runtime.ExitError", place, "Error: the execution has moved on"), True
    result_file = place.folder / "result.json"
    if not result_file.exists():
        reason = f"Error: Runtime exited with error: {_describe_exit(finished.exit_code)}"
        return _runtime_error("Runtime.ExitError", place, reason), True
    if result_file.stat().st_size > MAX_PAYLOAD_BYTES:
        reason = "Response payload size exceeded maximum allowed payload size "
        reason += f"({MAX_PAYLOAD_BYTES} bytes)."
        return {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": reason}, True
    result = json.loads(result_file.read_bytes())
    if "error" in result:
        return {**result["error"], "requestId": place.request_id}, True
    return result["payload"], False


def _runtime_error(error_type: str, place: Place, reason: str) -> dict[str, str]:
    return {"errorType": error_type, "errorMessage": f"RequestId: {place.request_id} {reason}"}


def _describe_exit(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit status {exit_code}"
    names = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault"}
    number = -exit_code
    return f"signal: {names.get(signal.Signals(number), signal.Signals(number).name)}"
