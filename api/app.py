"""The service as an ASGI app: routes, errors, admission."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from api.admission import Admission
from api.problems import add_problems
from api.routes import events, items, monitoring, releases, state, visitors
from api.service import Service
from api.settings import MAX_BODY_BYTES
from api.work import provide_threads

_ROUTES: Final = (visitors, items, events, releases, monitoring, state)


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            # Here: most processes never write the document, and all of them start.
            from api.examples.document import (  # noqa: PLC0415
                add_examples,
                add_schemas,
                add_security,
            )

            document = super().openapi()
            add_schemas(document)
            add_security(document)
            add_examples(document)
        return super().openapi()


def create_app(service: Service) -> FastAPI:
    """Return the app that answers with `service`.

    Under a server with lifespans it starts and stops the service; otherwise whoever runs it does.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        provide_threads(asyncio.get_running_loop())
        service.load()
        service.start()
        yield
        service.stop()

    app = _App(
        title="Endcap",
        summary="Recommendations for an online shop.",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    add_problems(app)
    for subject in _ROUTES:
        subject.add_routes(app, service)
    app.add_middleware(Admission, service=service, max_body_bytes=MAX_BODY_BYTES)
    return app
