"""A real server, killed while events come in, and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.segment_log import SegmentLog
from endcap.ports import EVENTS
from endcap.use_cases.release_models import promote_version
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.foreign_model import file_small_shop

WRITERS = 4
ENOUGH = 40
SECONDS = 60


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = FolderLake(tmp_path / "lake")
    ids = [f"a{item}" for item in range(N_ITEMS)]
    version = file_small_shop(lake, tmp_path / "parts", item_ids=ids, cut_ms=CUT_MS)
    promote_version(lake, version, reason="test", now_ms=1)
    return tmp_path / "lake"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def call(port: int, method: str, path: str, body: object = None) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        fields: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 200, fields
        return fields
    finally:
        connection.close()


@contextmanager
def serving(lake: Path, state: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    endcap = Path(sys.executable).with_name("endcap")
    options = ["--lake", str(lake), "--state", str(state), "--port", str(port)]
    command = [str(endcap), "serve", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ.copy())
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                if call(port, "GET", "/v1/health/ready")["serving"]:
                    break
            except (OSError, HTTPException):
                time.sleep(0.05)
        assert process.poll() is None, process.communicate()[1]
        yield port, process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_a_kill(lake: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    acknowledged: list[tuple[str, str]] = []

    def write(port: int, writer: int) -> None:
        for number in range(10_000):
            user, item = f"u{writer}", f"a{number % N_ITEMS}"
            event = {"event_id": f"{writer}-{number}", "user_id": user, "item_id": item}
            try:
                told = call(port, "POST", "/v1/events", event)
            except (OSError, HTTPException):
                return  # killed: this one was not acknowledged
            assert told["accepted"] == 1
            acknowledged.append((str(event["event_id"]), user))

    with serving(lake, state) as (port, process), ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, port, writer) for writer in range(WRITERS)]
        end = time.monotonic() + SECONDS
        while len(acknowledged) < ENOUGH and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.result(timeout=SECONDS)
    assert len(acknowledged) >= ENOUGH

    with serving(lake, state) as (port, _):
        kept = [
            record.fields["event_id"]
            for record in SegmentLog(state / "log").read(EVENTS, since_ms=0)
        ]
        assert {event for event, _ in acknowledged} <= set(kept)
        assert len(kept) == len(set(kept))
        for user in {user for _, user in acknowledged}:
            number = sum(whose == user for _, whose in acknowledged)
            seen = {f"a{code}" for code in range(min(number, N_ITEMS))}
            shown = call(port, "GET", f"/v1/users/{user}/recommendations?k=200")
            assert seen.isdisjoint(item["item_id"] for item in shown["items"])
