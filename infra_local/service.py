"""The prediction service on this machine, under uvicorn."""

import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from api.access import Door, LoopbackDoor, TokenDoor
from api.app import create_app
from api.building import build_service, wall_clock
from api.logs import log_to_stderr
from api.settings import API_TOKEN, HISTORY_URI, ServiceSettings
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.errors import ConfigError
from endcap.ports import Lake
from endcap.settings import LAKE_URI, RECORD_LOG_URI
from endcap.use_cases.champions import require_champion
from endcap.use_cases.seed_histories import seed_histories
from infra_local.service_state import HISTORY, record_log_of


@dataclass(frozen=True)
class LocalService:
    """What is served, where, and where it keeps what it learns.

    `state`: folder of the histories and the record log. `from_cut`: whether the service's clock
    begins where the champion's data end, for logs of the past; otherwise it is the present.
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


def serve(service: LocalService, lake: Lake) -> None:
    """Answer requests until interrupted. Raises `ConfigError`, `NotFoundError`."""
    now = _clock_from(require_champion(lake).cut_ms) if service.from_cut else wall_clock
    with _known_address(service.host):
        running, settings = build_service(
            service.environ(), lambda own: _door(own, service.host), now=now
        )
    log_to_stderr(settings.log_level)
    uvicorn.run(
        create_app(running),
        host=service.host,
        port=service.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
    )


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
        raise ConfigError(f"--host {host}: give an IP address or localhost") from exc
