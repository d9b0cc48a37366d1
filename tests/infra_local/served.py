"""A real server of a small shop, in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from endcap.adapters.folder_lake import FolderLake
from endcap.use_cases.release_models import promote_version
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.foreign_model import file_small_shop

SECONDS = 60
ENDCAP = Path(sys.executable).with_name("endcap")


def shop_in(folder: Path, *, cut_ms: int = CUT_MS) -> Path:
    """Make a lake with one model, of items a0 ..., that is the champion."""
    lake = FolderLake(folder / "lake")
    ids = [f"a{item}" for item in range(N_ITEMS)]
    version = file_small_shop(lake, folder / "parts", item_ids=ids, cut_ms=cut_ms)
    promote_version(lake, version, reason="test", now_ms=1)
    return folder / "lake"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A server that answers, and how to talk to it."""

    port: int
    process: subprocess.Popen[bytes]

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            sent = None if body is None else json.dumps(body)
            given = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, sent, given)
            answer = connection.getresponse()
            fields: dict[str, Any] = json.loads(answer.read())
            return answer.status, fields
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        status, fields = self.request(method, path, body)
        assert status == 200, fields
        return fields


@contextmanager
def serving(
    lake: Path, *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run ``endcap serve``, wait until it answers, and kill it in the end."""
    port = free_port()
    process = subprocess.Popen(
        [str(ENDCAP), "serve", "--lake", str(lake), "--port", str(port), *options],
        stderr=subprocess.PIPE,
        env={**os.environ, **(environ or {})},
    )
    server = Server(port, process)
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                if server.request("GET", "/v1/health/ready")[0] == 200:
                    break
            except (OSError, HTTPException):
                time.sleep(0.05)
        assert process.poll() is None, process.communicate()[1]
        yield server
    finally:
        process.kill()
        process.communicate()
