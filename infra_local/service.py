"""The prediction service on this machine, under uvicorn."""

import errno
import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from api.access import Door, LoopbackDoor, TokenDoor
from api.app import create_app
from api.building import build_service, wall_clock
from api.logs import log_to_stderr
from api.settings import API_TOKEN, HISTORY_URI, ServiceSettings, read_service_settings
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.bootstrap import open_record_log
from endcap.errors import ConfigError
from endcap.ports import EVENTS, Lake
from endcap.settings import LAKE_URI, RECORD_LOG_URI
from endcap.use_cases.champions import require_champion
from endcap.use_cases.seed_histories import seed_histories
from infra_local.service_state import HISTORY, record_log_of

_NO_ADDRESS: Final = "--host {}: give an IP address or localhost"


@dataclass(frozen=True)
class LocalService:
    """What is served, where, and where it keeps what it learns.

    `state`: folder of the histories and the record log. `from_cut`: whether the service's clock
    begins where the champion's data end, or where it was when the last event was recorded, for logs
    of the past; otherwise it is the present.
    """

    lake: str
    state: Path
    host: str
    port: int
    from_cut: bool = False

    def environ(self) -> dict[str, str]:
        """Return the environment with this service's places, unless it names others."""
        own = {HISTORY_URI: str(self.state / HISTORY), RECORD_LOG_URI: record_log_of(self.state)}
        return {**own, **os.environ, LAKE_URI: self.lake}


def seed(service: LocalService, lake: Lake, *, on_progress: Callable[[int], None]) -> int:
    """Fill the histories from the champion's log if there are none yet; return how many events.

    They appear whole or not at all.
    """
    target = service.state / HISTORY
    if target.exists() or service.environ()[HISTORY_URI] != str(target):
        return 0
    partial = service.state / f".{HISTORY}.{os.getpid()}.partial"
    history = SqliteHistory(partial)
    try:
        n = seed_histories(lake, history, on_progress=on_progress)
        history.close()
        partial.replace(target)
    finally:
        history.close()
        for left in partial.parent.glob(f"{partial.name}*"):
            left.unlink()
    return n


@contextmanager
def listening(service: LocalService) -> Iterator[list[socket.socket]]:
    """Listen where the service is to be, before anything is done for it.

    Raises `ConfigError` if that is no address of this machine, is taken, or is seen by other
    machines while there is no token.
    """
    with _known_address(service.host):
        _door(read_service_settings(service.environ()), service.host)
    with ExitStack() as opened:
        found = [opened.enter_context(one) for one in _listeners(service.host, service.port)]
        if not found:
            raise ConfigError(f"{service.host}:{service.port} cannot be listened at")
        yield found


def serve(service: LocalService, lake: Lake, at: list[socket.socket]) -> None:
    """Answer requests until interrupted. Raises `ConfigError`, `NotFoundError`.

    `at`: what `listening` gave.
    """
    now = _clock_from(_last_moment(service, lake)) if service.from_cut else wall_clock
    running, settings = build_service(
        service.environ(), lambda own: _door(own, service.host), now=now
    )
    log_to_stderr(settings.log_level)
    config = uvicorn.Config(
        create_app(running),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=at)


def _listeners(host: str, port: int) -> Iterator[socket.socket]:
    """Yield one listening socket for each address of a host: localhost may have two."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as exc:
        raise ConfigError(_NO_ADDRESS.format(host)) from exc
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            yield socket.create_server(address, family=family)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise ConfigError(f"{host}:{port} is taken: give another --port") from exc
            if host != "localhost":
                raise ConfigError(f"--host {host} --port {port}: {exc.strerror}") from exc


def _last_moment(service: LocalService, lake: Lake) -> int:
    cut_ms = require_champion(lake).cut_ms
    log = open_record_log(read_service_settings(service.environ()).record_log_uri)
    return max((record.received_ms for record in log.read(EVENTS, since_ms=cut_ms)), default=cut_ms)


def _clock_from(begin_ms: int) -> Callable[[], int]:
    """Return a clock that shows `begin_ms` now, and goes on from there."""
    start = time.monotonic_ns()
    return lambda: begin_ms + (time.monotonic_ns() - start) // 1_000_000


def _door(settings: ServiceSettings, host: str) -> Door:
    if settings.token is not None:
        return TokenDoor(settings.token)
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ConfigError(
            f"{host} is seen by other machines: set {API_TOKEN} to a token that callers must show"
        )
    return LoopbackDoor()


@contextmanager
def _known_address(host: str) -> Iterator[None]:
    try:
        yield
    except ValueError as exc:
        raise ConfigError(_NO_ADDRESS.format(host)) from exc
