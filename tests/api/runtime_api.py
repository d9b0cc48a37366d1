"""Lambda's runtime API, small, and a real runtime interface client that runs our handler on it.

The API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, ClassVar

VERSION = "2018-06-01"
SECONDS = 60


class RuntimeApi:
    """Hands invocations to the runtime, one after the other, and waits for what comes of them."""

    def __init__(self) -> None:
        self._waiting: Queue[bytes] = Queue()
        self._done: Queue[tuple[str, Any]] = Queue()

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the handler's answer. Raises `AssertionError` for an error of the function."""
        self._waiting.put(json.dumps(event).encode())
        kind, answer = self._done.get(timeout=SECONDS)
        assert kind == "response", answer
        assert isinstance(answer, dict)
        return answer

    def next_event(self) -> bytes:
        """Return the next invocation, as soon as there is one."""
        return self._waiting.get()

    def done(self, kind: str, answer: object) -> None:
        """Take what the runtime reports: ``response`` or ``error``."""
        self._done.put((kind, answer))


class _Requests(BaseHTTPRequestHandler):
    api: ClassVar[RuntimeApi]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == f"/{VERSION}/runtime/invocation/next", self.path
        body = self.api.next_event()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:123456789012:function:endcap-api",
        )
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.done(self.path.rsplit("/", 1)[-1], body)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_function(environ: Mapping[str, str], logs: Path) -> Iterator[RuntimeApi]:
    """Run ``api.handler.handler`` in AWS's own runtime interface client; its output goes to `logs`.

    `environ`: what the function's configuration sets.
    """
    api = RuntimeApi()
    handler = type("Requests", (_Requests,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    own = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "endcap-api",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/endcap-api",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_REGION": "us-east-1",
        "LAMBDA_TASK_ROOT": str(Path(__file__).parents[2]),
    }
    with logs.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "api.handler.handler"],
            env={**os.environ, **own, **environ},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield api
        finally:
            process.kill()
            process.wait()
            server.shutdown()
            server.server_close()
