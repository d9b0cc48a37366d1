"""What the environment decides of the service, beside what it decides of every process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from endcap.errors import ConfigError
from endcap.settings import RECORD_LOG_URI

HISTORY_URI: Final = "ENDCAP_HISTORY_URI"
API_TOKEN: Final = "ENDCAP_API_TOKEN"  # noqa: S105 -- its name
OPERATORS: Final = "ENDCAP_OPERATORS"
REFRESH_SECONDS: Final = "ENDCAP_REFRESH_SECONDS"
REPAIR_SECONDS: Final = "ENDCAP_REPAIR_SECONDS"
LOG_KEY: Final = "ENDCAP_LOG_KEY"

MAX_BODY_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class ServiceSettings:
    """One service's settings.

    `history_uri` and `record_log_uri`: see `endcap.adapters.opening_stores`. `token`: what callers
    must show, or None. `operators`: patterns of IAM principals' ARNs. `refresh_seconds`: how often
    the champion record is looked at; `repair_seconds`: how often histories are compared with the
    log. `log_key`: what user ids are hashed with in the logs; by default every process has its own,
    so that its lines belong together and to no other's.
    """

    history_uri: str
    record_log_uri: str
    token: str | None
    operators: tuple[str, ...]
    refresh_seconds: float
    repair_seconds: float
    log_key: bytes | None


def read_service_settings(environ: Mapping[str, str]) -> ServiceSettings:
    """Return the settings in a mapping of environment variables.

    Parameters
    ----------
    environ
        ``ENDCAP_HISTORY_URI`` and ``ENDCAP_RECORD_LOG_URI`` (required), ``ENDCAP_API_TOKEN``,
        ``ENDCAP_OPERATORS`` (comma-separated), ``ENDCAP_REFRESH_SECONDS`` (30),
        ``ENDCAP_REPAIR_SECONDS`` (300), ``ENDCAP_LOG_KEY``.

    Raises
    ------
    ConfigError
        Naming the variable that is missing or wrong.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    for name in (HISTORY_URI, RECORD_LOG_URI):
        if name not in given:
            raise ConfigError(f"{name} is not set")
    key = given.get(LOG_KEY)
    operators = (pattern.strip() for pattern in given.get(OPERATORS, "").split(","))
    return ServiceSettings(
        history_uri=given[HISTORY_URI],
        record_log_uri=given[RECORD_LOG_URI],
        token=given.get(API_TOKEN),
        operators=tuple(pattern for pattern in operators if pattern),
        refresh_seconds=_seconds(given, REFRESH_SECONDS, 30.0),
        repair_seconds=_seconds(given, REPAIR_SECONDS, 300.0),
        log_key=None if key is None else key.encode(),
    )


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise ConfigError(f"{name} is {text!r}: give seconds from 0.1 to 86400")
    return seconds
