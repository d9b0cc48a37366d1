"""The composition root: the only place that chooses adapters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from endcap.adapters.embedded_metrics import EmbeddedMetrics
from endcap.adapters.opening import open_lake
from endcap.adapters.opening_stores import open_history, open_record_log
from endcap.errors import ConfigError
from endcap.ports import Lake, MetricSink, RecordLog
from endcap.settings import DEPLOYMENT, RECORD_LOG_URI, Settings, read_settings

if TYPE_CHECKING:
    from endcap.adapters.verified_files import VerifiedFiles

__all__ = [
    "open_history",
    "open_lake_from",
    "open_lake_of",
    "open_metric_sink_from",
    "open_record_log",
    "open_record_log_from",
    "open_verified_files",
]


def open_lake_from(environ: Mapping[str, str]) -> Lake:
    """Return the lake that a mapping of environment variables names.

    Raises
    ------
    ConfigError
        If a variable is missing or wrong, or the lake's kind needs what is not installed.
    """
    return open_lake_of(read_settings(environ))


def open_record_log_from(environ: Mapping[str, str]) -> RecordLog:
    """Return the record log that ``ENDCAP_RECORD_LOG_URI`` names. Raises `ConfigError`."""
    uri = environ.get(RECORD_LOG_URI, "").strip()
    if not uri:
        raise ConfigError(f"{RECORD_LOG_URI} is not set: it names the log of events to look at")
    return open_record_log(uri)


def open_metric_sink_from(environ: Mapping[str, str], stream: TextIO) -> MetricSink:
    """Return where numbers go: lines of `stream`, under the name ``ENDCAP_DEPLOYMENT``."""
    return EmbeddedMetrics(stream, deployment=environ.get(DEPLOYMENT, "").strip() or "local")


def open_lake_of(settings: Settings) -> Lake:
    """Return the lake that `settings` name.

    Raises
    ------
    ConfigError
        If the lake's kind is unknown or needs what is not installed.
    """
    return open_lake(
        settings.lake_uri,
        glue_database=settings.glue_database,
        cache_folder=settings.cache_dir,
        cache_keep_bytes=settings.cache_keep_bytes,
    )


def open_verified_files(settings: Settings) -> "VerifiedFiles":
    """Return what remembers which of a model's files had their hashes, in the cache's folder."""
    # Its module knows what a model is, and so loads numpy; choosing a lake must not.
    from endcap.adapters.verified_files import VerifiedFiles  # noqa: PLC0415

    return VerifiedFiles(settings.cache_dir / "verified")
