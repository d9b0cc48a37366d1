"""A real server, killed while events come in, and started again."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from endcap.adapters.segment_log import SegmentLog
from endcap.ports import EVENTS
from tests.infra_local.served import SECONDS, Server, serving, shop_in
from tests.serving.small_shop import N_ITEMS

WRITERS = 4
ENOUGH = 40


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    lake, state = shop_in(tmp_path), tmp_path / "state"
    options = ["--state", str(state)]
    acknowledged: list[tuple[str, str]] = []

    def write(server: Server, writer: int) -> None:
        for number in range(10_000):
            user, item = f"u{writer}", f"a{number % N_ITEMS}"
            event = {"event_id": f"{writer}-{number}", "user_id": user, "item_id": item}
            try:
                told = server.call("POST", "/v1/events", event)
            except (OSError, HTTPException):
                return  # killed: this one was not acknowledged
            assert told["accepted"] == 1
            acknowledged.append((str(event["event_id"]), user))

    with serving(lake, *options) as server, ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, server, writer) for writer in range(WRITERS)]
        end = time.monotonic() + SECONDS
        while len(acknowledged) < ENOUGH and time.monotonic() < end:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.result(timeout=SECONDS)
    assert len(acknowledged) >= ENOUGH

    with serving(lake, *options) as server:
        kept = [
            record.fields["event_id"]
            for record in SegmentLog(state / "log").read(EVENTS, since_ms=0)
        ]
        assert {event for event, _ in acknowledged} <= set(kept)
        assert len(kept) == len(set(kept))
        for user in {user for _, user in acknowledged}:
            number = sum(whose == user for _, whose in acknowledged)
            seen = {f"a{code}" for code in range(min(number, N_ITEMS))}
            shown = server.call("GET", f"/v1/users/{user}/recommendations?k=200")
            assert seen.isdisjoint(item["item_id"] for item in shown["items"])
