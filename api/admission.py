"""What every request passes: its size, its id, its line in the log and in the metrics."""

import logging
import time
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import FIELDS
from api.metrics import REQUESTS, SECONDS
from api.problems import problem, problem_response
from api.service import Service

_LOG: Final = logging.getLogger("endcap.access")

REQUEST_ID: Final = b"x-request-id"
_MOST_ID_BYTES: Final = 128
NOTES: Final = "endcap.notes"
"""Key of the ASGI scope: what a route wants in the request's line of the log."""


class Admission:
    """An ASGI middleware; pure, for a request passes it in microseconds."""

    def __init__(self, app: ASGIApp, service: Service, *, max_body_bytes: int) -> None:
        self._app = app
        self._service = service
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = self._request_id(scope)
        notes: dict[str, Any] = {"request_id": request_id}
        scope[NOTES] = notes
        status = 500

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((REQUEST_ID, request_id.encode()))
            await send(message)

        try:
            await self._bounded(scope, receive, answering)
        finally:
            self._note(scope, status, time.perf_counter() - start, notes)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit, read = self._max, 0
        complaint = f"a request holds at most {limit} bytes"
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > limit:
            await problem_response(problem(413, complaint))(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, complaint)
            return message

        await self._app(scope, counted, send)

    def _request_id(self, scope: Scope) -> str:
        given = _header(scope, REQUEST_ID)
        if 0 < len(given) <= _MOST_ID_BYTES and given.isascii() and given.decode().isprintable():
            return given.decode()
        return self._service.new_id()

    def _note(self, scope: Scope, status: int, seconds: float, notes: dict[str, Any]) -> None:
        # The pattern, not the path: a path holds user ids.
        route = getattr(scope.get("route"), "path", "(none)")
        self._service.metrics.tell(REQUESTS, route, str(status))
        self._service.metrics.tell(SECONDS, route, value=seconds)
        if _LOG.isEnabledFor(logging.INFO):
            line = {
                "method": scope["method"],
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 3),
                **notes,
            }
            _LOG.info("request", extra={FIELDS: line})


def note(scope: MutableMapping[str, Any], **fields: object) -> None:
    """Add fields to the request's line of the log. No personal ids: see `logs.pseudonym`."""
    scope.setdefault(NOTES, {}).update(fields)


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")
