"""Where an answer is worked out: in a thread, or at once."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.responses import Response

from api.service import Service

Endpoint = Callable[..., Response]

THREADS: Final = 40
"""Requests that are worked out side by side: most of their time some may wait for a store."""


def provide_threads(loop: asyncio.AbstractEventLoop) -> None:
    """Give a server's loop as many threads as requests may wait in."""
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "endcap-work"))


def worked_out(service: Service) -> Callable[[Endpoint], Callable[..., Awaitable[Response]]]:
    """Return a decorator of routes.

    Others are heard while a thread works. A process that answers one request at a time has no
    others, and starts sooner without what threads take: asyncio's own, and not AnyIO's, which take
    ten more milliseconds to import.
    """

    def decorate(endpoint: Endpoint) -> Callable[..., Awaitable[Response]]:
        async def answer(**asked: object) -> Response:
            if service.one_at_a_time:
                return endpoint(**asked)
            return await asyncio.to_thread(endpoint, **asked)

        # FastAPI reads these. Not `functools.wraps`: it would look for the endpoint's source, too,
        # before the first answer.
        answer.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
        answer.__name__, answer.__doc__ = endpoint.__name__, endpoint.__doc__
        return answer

    return decorate
