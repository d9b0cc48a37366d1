"""``endcap serve``: where it listens, whom it answers, what time it is, where it keeps things."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.segment_log import SegmentLog
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.errors import ConfigError, NotFoundError
from endcap.ports import EVENTS, EXPOSURES, Record, VisitorEvent
from infra_local import service as module
from infra_local.cli import _beside
from infra_local.service import LocalService, listening, seed, serve
from infra_local.service_state import HISTORY, LOG, record_log_of
from tests.infra_local.served import ENDCAP, Server, free_port, serving, shop_in

HISTORY_2015_MS = 1_437_868_800_000
READ = "/v1/users/ann/recommendations?k=5"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalService:
    for name in ("ENDCAP_API_TOKEN", "ENDCAP_HISTORY_URI", "ENDCAP_RECORD_LOG_URI"):
        monkeypatch.delenv(name, raising=False)
    return at(tmp_path, "127.0.0.1", free_port())


def at(folder: Path, host: str, port: int) -> LocalService:
    return LocalService(str(folder / "lake"), folder / "state", host, port)


def event(event_id: str, item_id: str = "a7") -> dict[str, str]:
    return {"event_id": event_id, "user_id": "ann", "item_id": item_id}


def visitor_event(event_id: str, time_ms: int) -> VisitorEvent:
    return VisitorEvent(
        event_id=event_id, user_id="ann", item_id="a7", event_type="view", time_ms=time_ms
    )


def test_what_a_service_learns_is_kept_in_its_state_folder(service: LocalService) -> None:
    environ = service.environ()
    assert environ["ENDCAP_LAKE_URI"] == service.lake
    assert environ["ENDCAP_HISTORY_URI"] == str(service.state / HISTORY)
    assert environ["ENDCAP_RECORD_LOG_URI"] == record_log_of(service.state)
    assert record_log_of(service.state) == str(service.state / LOG)


def test_places_in_the_environment_go_before_the_state_folder(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDCAP_HISTORY_URI", "dynamodb://table")
    monkeypatch.setenv("ENDCAP_LAKE_URI", "s3://another/lake")
    environ = service.environ()
    assert environ["ENDCAP_HISTORY_URI"] == "dynamodb://table"
    # The lake is named on the command line.
    assert environ["ENDCAP_LAKE_URI"] == service.lake


def test_the_state_folder_is_beside_the_lake_and_a_far_lake_needs_one() -> None:
    assert _beside("/data/shop/lake") == Path("/data/shop/service")
    with pytest.raises(ConfigError, match="--state names the folder"):
        _beside("s3://shop/lake")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost"])
def test_without_a_token_it_listens_on_this_machine(
    service: LocalService, tmp_path: Path, host: str
) -> None:
    with listening(at(tmp_path, host, service.port)) as sockets:
        bound = {socket.getnameinfo(one.getsockname(), socket.NI_NUMERICHOST)[0] for one in sockets}
    assert bound <= {"127.0.0.1", "127.0.0.9", "::1"}
    assert bound


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_without_a_token_no_other_machine_sees_it(tmp_path: Path, host: str) -> None:
    asked = at(tmp_path, host, free_port())
    with (
        pytest.raises(ConfigError, match=rf"{host} is seen by .*ENDCAP_API_TOKEN"),
        listening(asked),
    ):
        raise AssertionError


@pytest.mark.parametrize("token", [None, "secret"])
def test_what_is_no_address_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token is not None:
        monkeypatch.setenv("ENDCAP_API_TOKEN", token)
    asked = at(tmp_path, "no..host", 8000)
    with pytest.raises(ConfigError, match=r"--host no\.\.host: give an IP"), listening(asked):
        raise AssertionError


def test_an_address_of_another_machine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDCAP_API_TOKEN", "secret")
    asked = at(tmp_path, "192.0.2.1", 8000)
    with pytest.raises(ConfigError, match=r"--host 192\.0\.2\.1 --port 8000: "), listening(asked):
        raise AssertionError


def test_a_port_that_is_taken_is_named_and_is_free_again_afterwards(service: LocalService) -> None:
    taken = rf"127\.0\.0\.1:{service.port} is taken: give another --port"
    with listening(service):  # noqa: SIM117 -- the second must not replace the first
        with pytest.raises(ConfigError, match=taken), listening(service):
            raise AssertionError
    with listening(service):
        pass


def test_a_service_from_the_cut_needs_a_champion(service: LocalService) -> None:
    asked = LocalService(service.lake, service.state, service.host, service.port, from_cut=True)
    with (
        listening(asked) as sockets,
        pytest.raises(NotFoundError, match="no champion"),
    ):
        serve(asked, FolderLake(Path(asked.lake)), sockets)


Fill = Callable[..., int]


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let histories be filled with one event; each filling is counted."""
    fillings: list[int] = []

    def seed_histories(_: object, history: SqliteHistory, *, on_progress: Any) -> int:  # noqa: ANN401
        fillings.append(1)
        history.add([visitor_event("e1", HISTORY_2015_MS)])
        on_progress(1)
        return 1

    monkeypatch.setattr(module, "seed_histories", seed_histories)
    return fillings


def fill_histories(service: LocalService) -> int:
    return seed(service, FolderLake(Path(service.lake)), on_progress=lambda _: None)


def test_histories_are_filled_once(service: LocalService, fill: list[int]) -> None:
    assert (fill_histories(service), fill_histories(service)) == (1, 0)
    assert len(fill) == 1
    with closing(SqliteHistory(service.state / HISTORY)) as history:
        kept = history.read("ann", limit=9)
    assert [one.event_id for one in kept] == ["e1"]
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in left(service)} == {
        HISTORY
    }


def left(service: LocalService) -> Iterator[Path]:
    return service.state.iterdir()


def test_histories_elsewhere_are_left_alone(
    service: LocalService, fill: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDCAP_HISTORY_URI", "dynamodb://table")
    assert (fill_histories(service), fill) == (0, [])


def test_a_filling_that_fails_leaves_nothing_and_is_tried_again(
    service: LocalService, fill: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object, history: SqliteHistory, **__: object) -> int:
        history.add([visitor_event("half", HISTORY_2015_MS)])
        raise NotFoundError("the log is gone")

    with monkeypatch.context() as patched:
        patched.setattr(module, "seed_histories", failing)
        with pytest.raises(NotFoundError, match="the log is gone"):
            fill_histories(service)
    assert list(left(service)) == []
    assert fill_histories(service) == 1
    assert len(fill) == 1


def until(stop: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not stop():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_service_keeps_its_state_beside_the_lake_and_ends_cleanly(tmp_path: Path) -> None:
    lake = shop_in(tmp_path)
    with serving(lake) as server:
        assert server.call("POST", "/v1/events", event("e1"))["accepted"] == 1
        shown = server.call("GET", READ)
        rival = [str(ENDCAP), "serve", "--lake", str(lake), "--port", str(server.port)]
        refused = subprocess.run(rival, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            f"endcap: 127.0.0.1:{server.port} is taken: give another --port"
        ]
        asked = threading.Event()
        answered: list[int] = []
        slow = threading.Thread(target=half_a_request, args=(server, asked, answered))
        slow.start()
        assert asked.wait(10)
        server.process.send_signal(signal.SIGTERM)
        slow.join(20)
        # What was under way is answered, and the process ends by the signal, as it should.
        assert answered == [200]
        assert server.process.wait(20) == -signal.SIGTERM
    log = SegmentLog(tmp_path / "service" / LOG)
    assert [one.fields["event_id"] for one in log.read(EVENTS, since_ms=0)] == ["e1", "slow"]
    exposed = [one.fields["recommendation_id"] for one in log.read(EXPOSURES, since_ms=0)]
    assert exposed == [shown["recommendation_id"]]
    with closing(SqliteHistory(tmp_path / "service" / HISTORY)) as history:
        kept = history.read("ann", limit=9)
    assert [one.event_id for one in kept] == ["e1", "slow"]


def half_a_request(server: Server, asked: threading.Event, answered: list[int]) -> None:
    """Send an event, and its last byte only when the server was told to end."""
    body = str(event("slow")).replace("'", '"').encode()
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + body[:-1])
        time.sleep(0.3)
        asked.set()
        time.sleep(0.7)
        connection.sendall(body[-1:])
        answered.append(int(connection.recv(12).split()[1]))


@pytest.mark.slow
def test_a_token_opens_a_service_that_other_machines_see(tmp_path: Path) -> None:
    lake = shop_in(tmp_path)
    environ = {"ENDCAP_API_TOKEN": "s3cret"}
    with serving(lake, "--host", "0.0.0.0", environ=environ) as server:  # noqa: S104
        assert server.request("GET", READ)[0] == 401
        assert server.request("GET", READ, headers={"Authorization": "Bearer wrong"})[0] == 401
        assert server.request("GET", READ, headers={"Authorization": "Bearer s3cret"})[0] == 200
        server.process.send_signal(signal.SIGINT)
        logs = server.process.communicate(timeout=20)[1].decode()
    assert server.process.returncode == 0
    assert '"status":401' in logs
    assert "s3cret" not in logs


@pytest.mark.slow
def test_a_clock_from_the_cut_goes_on_where_the_last_event_was_recorded(tmp_path: Path) -> None:
    lake, state = shop_in(tmp_path, cut_ms=HISTORY_2015_MS), tmp_path / "state"
    options = ["--state", str(state), "--from-cut"]
    with serving(lake, *options) as server:
        shown = server.call("GET", READ)
        assert shown["generated_at"].startswith("2015-07-26T00:00:")
        first = shown["items"][0]["item_id"]
        server.call("POST", "/v1/events", event("e1", first))
        assert first not in [item["item_id"] for item in server.call("GET", READ)["items"]]
    # An hour later by the service's clock, and again.
    later = HISTORY_2015_MS + 3_600_000
    fields = {**event("e2", "a9"), "event_type": "view", "time_ms": later}
    SegmentLog(state / LOG).append(EVENTS, [Record(later, fields)])
    with serving(lake, *options) as server:
        shown = server.call("GET", READ)
        assert shown["generated_at"].startswith("2015-07-26T01:00:")
        assert first not in [item["item_id"] for item in shown["items"]]
        assert not any(shown["ignored_events"].values())


@pytest.mark.slow
def test_an_empty_lake_is_served_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [ENDCAP, "serve", "--lake", str(tmp_path / "lake"), "--port", str(port)],
        stderr=subprocess.PIPE,
        env=os.environ.copy(),
    )
    server = Server(port, process)
    try:
        until(lambda: _answers(server))
        assert server.request("GET", "/v1/health/ready")[0] == 503
        assert server.call("GET", READ)["degraded"] == ["no_model"]
    finally:
        process.kill()
        logs = process.communicate()[1].decode()
    assert "The histories begin empty: no champion in " in logs


def _answers(server: Server) -> bool:
    try:
        return server.request("GET", "/v1/health/live")[0] == 200
    except OSError:
        return False
