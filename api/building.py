"""A service as the environment describes it."""

import secrets
import time
import uuid
from collections.abc import Callable, Mapping

from api.access import Door
from api.service import Service, ServiceParts
from api.settings import ServiceSettings, read_service_settings
from endcap.bootstrap import open_history, open_lake_of, open_record_log, open_verified_files
from endcap.settings import Settings, read_settings


def wall_clock() -> int:
    """Return the present, UTC epoch ms."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return an id that nothing else has."""
    return uuid.uuid4().hex


def build_service(
    environ: Mapping[str, str],
    door: Callable[[ServiceSettings], Door],
    *,
    one_at_a_time: bool = False,
    now: Callable[[], int] = wall_clock,
) -> tuple[Service, Settings]:
    """Return a service, not yet loaded, and the process's settings.

    `door` says who may come in, given the settings. Raises `ConfigError` naming what is missing or
    wrong in `environ`.
    """
    settings, own = read_settings(environ), read_service_settings(environ)
    parts = ServiceParts(
        lake=open_lake_of(settings),
        history=open_history(own.history_uri),
        log=open_record_log(own.record_log_uri),
        door=door(own),
        now=now,
        new_id=new_id,
        refresh_seconds=own.refresh_seconds,
        repair_seconds=own.repair_seconds,
        one_at_a_time=one_at_a_time,
        stores=f"{own.history_uri} {own.record_log_uri}",
        verified=open_verified_files(settings),
        log_key=own.log_key or secrets.token_bytes(16),
    )
    return Service(parts), settings
