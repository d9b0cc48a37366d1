from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from endcap.ports import EVENTS, Record
from tests.api.conftest import Shop
from tests.use_cases.fakes import MemoryLog

READ = "/v1/users/ann/recommendations"


def test_a_slow_log_holds_up_events_and_no_reader(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, opened = Event(), Event()
    append = MemoryLog.append

    def slow(log: MemoryLog, stream: str, records: Sequence[Record]) -> None:
        if stream == EVENTS:
            reached.set()
            assert opened.wait(timeout=30)
        append(log, stream, records)

    monkeypatch.setattr(MemoryLog, "append", slow)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(shop.client.post, "/v1/events", json=shop.event("e1", "a7"))
        assert reached.wait(timeout=30)
        assert shop.client.get(READ).status_code == 200
        # Not in the log yet, and so not acknowledged.
        assert not told.done()
        opened.set()
        assert told.result(timeout=30).json()["accepted"] == 1
    assert [record.fields["event_id"] for record in shop.log.streams[EVENTS]] == ["e1"]
