"""What routes say of themselves in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from api.problems import JSON, MEDIA_TYPE

_WHEN: Final[Mapping[int, str]] = {
    401: "Who asks is not known.",
    403: "Who asks may not.",
    404: "What is named does not exist.",
    409: "It cannot be done in the present state.",
    413: "The request is too large.",
    415: "The body is not JSON.",
    422: "The request is not as this document says.",
    503: "A part of the service is away; try again.",
}


def answers(schema: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of an answer and of the problems a route may answer with instead.

    `schema`: the name of a class in `api.replies`, which only the document's writer imports.
    """
    return {200: answer(schema), **problems(*statuses)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of the problems a route may answer with."""
    return {status: refusal(status) for status in (401, 403, *statuses)}


def answer(schema: str) -> dict[str, Any]:
    """Return the description of one answer."""
    return {"content": {JSON: {"schema": reference(schema)}}}


def refusal(status: int) -> dict[str, Any]:
    """Return the description of one problem."""
    return {
        "description": _WHEN[status],
        "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
    }


def reference(schema: str) -> dict[str, str]:
    """Return what names a schema of the document."""
    return {"$ref": f"#/components/schemas/{schema}"}
