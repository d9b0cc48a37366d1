"""What goes wrong, by operation and status: the details of the problems that callers get."""

from collections.abc import Mapping
from typing import Any, Final

from api.access import EVENTS, OPERATE, READ
from api.examples.requests import VERSION
from api.problems import JSON, invalid, problem
from api.settings import MAX_BODY_BYTES

_SCOPES: Final[Mapping[str, str]] = {"events": EVENTS, "models": OPERATE}
"""Of the operations with a tag; the others need to read."""

_ANYWHERE: Final[Mapping[int, str]] = {
    401: "this service needs its bearer token",
    413: f"a request holds at most {MAX_BODY_BYTES} bytes",
    415: f"a body is JSON: send Content-Type: {JSON}",
}
NOT_WHOLE: Final = f"{VERSION}: the bytes of ranker/leaf_values.npy do not match their hash"
"""What a service says of a model that does not load."""
_AWAY: Final = "cannot read champion.json: [Errno 5] Input/output error"
_PINNED: Final[Mapping[int, str]] = {409: NOT_WHOLE, 503: _AWAY}
_NO_CATEGORY: Final = "the model knows no category 'shoes'"
_NO_ITEM: Final = "the model knows no item '139748'"
_NO_MODEL: Final = f"no model '{VERSION}' in s3://shop-lake/endcap; `endcap models list` shows them"
_LOST: Final = "'champion.json' was changed by another writer; read it and decide again"
_LOG_DOWN: Final = "the record log cannot be written: [Errno 28] No space left on device"
_COUNT: Final = "Input should be greater than or equal to 1"
_ID: Final = "String should have at most 128 characters"
_VERSION: Final = "String should match pattern '^[0-9A-Za-z][0-9A-Za-z._-]*$'"

_DETAILS: Final[Mapping[str, Mapping[int, str]]] = {
    "GET /v1/users/{user_id}/recommendations": {
        **_PINNED,
        404: _NO_CATEGORY,
        422: f"query/k: {_COUNT}",
    },
    "POST /v1/recommendations": {**_PINNED, 404: _NO_CATEGORY, 422: f"body/k: {_COUNT}"},
    "POST /v1/recommendations/batch": {
        **_PINNED,
        404: _NO_MODEL,
        422: "body/requests: List should have at most 100 items after validation, not 101",
    },
    "POST /v1/rank": {
        **_PINNED,
        404: "the model knows no event type 'wish'; it knows view, addtocart, transaction",
        422: "body/items: Field required",
    },
    "GET /v1/trending": {**_PINNED, 404: _NO_CATEGORY, 422: f"query/k: {_COUNT}"},
    "GET /v1/items/{item_id}/similar": {**_PINNED, 404: _NO_ITEM, 422: f"query/k: {_COUNT}"},
    "POST /v1/events": {
        422: "event_time lies before the year 2000: is it in milliseconds?",
        503: _LOG_DOWN,
    },
    "DELETE /v1/users/{user_id}": {422: f"path/user_id: {_ID}", 503: _LOG_DOWN},
    "GET /v1/models": {
        409: "the champion record cannot be read: Expecting value: line 1 column 1 (char 0)",
        422: f"query/limit: {_COUNT}",
        503: _AWAY,
    },
    "POST /v1/models/{version}/promote": {
        404: _NO_MODEL,
        409: _LOST,
        422: f"path/version: {_VERSION}",
        503: _AWAY,
    },
    "POST /v1/models/rollback": {
        404: f"{VERSION} is the first champion: name a version to go to",
        409: _LOST,
        422: f"{VERSION} is the champion already",
        503: _AWAY,
    },
    "GET /v1/monitoring/performance": {
        404: "there is no performance report yet",
        409: "the performance report cannot be read: Expecting value: line 1 column 1 (char 0)",
        503: "cannot read scoreboard.json: [Errno 5] Input/output error",
    },
    "GET /v1/monitoring/drift": {
        404: "there is no drift report yet",
        409: "the drift report cannot be read: Expecting value: line 1 column 1 (char 0)",
        503: "cannot read monitoring/drift.json: [Errno 5] Input/output error",
    },
    "GET /v1/monitoring/traffic": {
        404: "there is no traffic report yet",
        409: "the traffic report cannot be read: Expecting value: line 1 column 1 (char 0)",
        503: "cannot read monitoring/metrics.json: [Errno 5] Input/output error",
    },
    "GET /v1/health/ready": {503: "no model could be loaded"},
}
_MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    "GET /v1/health/ready": {"problems": ["there is no champion yet; `endcap run` makes one"]}
}


def detail_of(operation: str, status: int, tag: str) -> str | None:
    """Return what an operation says of a problem, or None if no one has said it here."""
    if status == 403:
        return f"this needs the scope {_SCOPES.get(tag, READ)!r}"
    return _DETAILS.get(operation, {}).get(status, _ANYWHERE.get(status))


def fields_of(operation: str, status: int, detail: str) -> dict[str, Any]:
    """Return the fields of a problem."""
    at, colon, complaint = detail.partition(": ")
    if status == 422 and colon and " " not in at:
        return invalid([{"loc": at.split("/"), "msg": complaint}])
    return problem(status, detail, **_MORE.get(operation, {}))
