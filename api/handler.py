"""The service in Lambda, behind an HTTP API of API Gateway."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from urllib.parse import quote

from api.lean_start import lean_start

with lean_start():
    from mangum import Mangum

    from api.access import GatewayDoor
    from api.app import create_app
    from api.building import build_service
    from api.logs import log_to_stderr
    from api.service import Service
    from api.settings import ServiceSettings


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of API Gateway, payload format 2.0."""
    service, app = loaded()
    service.start()
    answer: dict[str, Any] = app(_encoded_again(event), context)  # type: ignore[arg-type]
    return answer


def _encoded_again(event: dict[str, Any]) -> dict[str, Any]:
    """Return the request with its path percent-encoded.

    An HTTP API hands the path on decoded, and Mangum decodes it: the user ``100%41`` would become
    ``100A``.
    """
    asked = event.get("requestContext", {})
    http = asked.get("http")
    if http is None or "rawPath" not in event:
        return event
    http = {**http, "path": quote(event["rawPath"])}
    return {**event, "requestContext": {**asked, "http": http}}


@cache
def loaded() -> tuple[Service, Mangum]:
    """Build the service and load its model: once a process, before a snapshot of it is taken."""
    with lean_start():
        service, settings = build_service(os.environ, _door, one_at_a_time=True)
        log_to_stderr(settings.log_level)
        # Loading reads files and sorts arrays, both without the interpreter's lock.
        with ThreadPoolExecutor(1, "endcap-load") as pool:
            loading = pool.submit(service.load)
            app = Mangum(create_app(service), lifespan="off")
            loading.result()
        return service, app


def _door(settings: ServiceSettings) -> GatewayDoor:
    return GatewayDoor(settings.operators)


def _load_before_snapshot() -> None:
    """Have Lambda's SnapStart take its snapshot of a loaded service."""
    try:
        # Part of Lambda's own runtime for Python, and of no other.
        from snapshot_restore_py import register_before_snapshot  # noqa: PLC0415
    except ImportError:
        return
    register_before_snapshot(loaded)


_load_before_snapshot()
