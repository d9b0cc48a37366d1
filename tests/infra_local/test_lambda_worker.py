import json
from typing import Any

from infra_local.lambda_worker import LambdaContext, answer

CONTEXT = LambdaContext("id", "toy", 512, 0.0)


def test_a_module_that_is_missing_is_named() -> None:
    error = _error("tests.infra_local.nowhere")

    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "tests.infra_local.nowhere" in error["errorMessage"]


def test_a_module_without_a_handler_is_named() -> None:
    error = _error("tests.infra_local.toy.job")

    assert error["errorType"] == "Runtime.HandlerNotFound"


def test_an_answer_that_is_no_json_is_an_error() -> None:
    assert _error("tests.infra_local.toy.function", {"do": "unprintable"})["errorType"] == (
        "Runtime.MarshalError"
    )


def test_no_time_is_left_after_the_deadline() -> None:
    assert CONTEXT.get_remaining_time_in_millis() == 0


def _error(module: str, event: object = None) -> dict[str, Any]:
    result: dict[str, dict[str, Any]] = json.loads(answer(module, event, CONTEXT))
    return result["error"]
