"""The composition root: the only place that chooses adapters."""

from collections.abc import Mapping

from endcap.adapters.opening import open_lake
from endcap.adapters.opening_stores import open_history, open_record_log
from endcap.ports import Lake
from endcap.settings import Settings, read_settings

__all__ = ["open_history", "open_lake_from", "open_lake_of", "open_record_log"]


def open_lake_from(environ: Mapping[str, str]) -> Lake:
    """Return the lake that a mapping of environment variables names.

    Raises
    ------
    ConfigError
        If a variable is missing or wrong, or the lake's kind needs what is not installed.
    """
    return open_lake_of(read_settings(environ))


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
    )
