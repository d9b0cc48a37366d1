"""What routes say of themselves in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from api.problems import MEDIA_TYPE
from api.replies import Problem

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


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of the problems a route may answer with."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        status: {"description": _WHEN[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (401, 403, *statuses)
    }
