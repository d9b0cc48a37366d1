"""What the environment decides: where the lake lies, what is logged, which code this is."""

import logging
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from endcap.errors import ConfigError

LAKE_URI: Final = "ENDCAP_LAKE_URI"
GLUE_DATABASE: Final = "ENDCAP_GLUE_DATABASE"
CACHE_DIR: Final = "ENDCAP_CACHE_DIR"
CACHE_KEEP: Final = "ENDCAP_CACHE_KEEP_MIB"
LOG_LEVEL: Final = "ENDCAP_LOG_LEVEL"
CODE_VERSION: Final = "ENDCAP_CODE_VERSION"

RECORD_LOG_URI: Final = "ENDCAP_RECORD_LOG_URI"
"""Where events are durable; see `endcap.adapters.opening_stores`."""
DEPLOYMENT: Final = "ENDCAP_DEPLOYMENT"
"""Under which name numbers are published, beside those of other shops and stages."""

UNKNOWN_VERSION: Final = "unknown"

_GLUE_NAME: Final = re.compile(r"[a-z0-9_-]{1,255}")


@dataclass(frozen=True)
class Settings:
    """One process's settings.

    `lake_uri`: a folder or ``s3://bucket/prefix``. `glue_database`: where an S3 lake registers its
    tables, or None. `cache_dir`: where an S3 lake keeps downloads. `log_level`: a level name of
    `logging`. `code_version`: the git commit this code was built from, or "unknown".
    `cache_keep_bytes`: how much of the downloads stays that nothing has open, or None for all.
    """

    lake_uri: str
    glue_database: str | None
    cache_dir: Path
    log_level: str
    code_version: str
    cache_keep_bytes: int | None = None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in a mapping of environment variables.

    A variable that is set to nothing or to blanks counts as unset.

    Parameters
    ----------
    environ
        ``ENDCAP_LAKE_URI`` (required), ``ENDCAP_GLUE_DATABASE``, ``ENDCAP_CACHE_DIR`` (absolute;
        by default a folder of this user's among the temporary files), ``ENDCAP_CACHE_KEEP_MIB``
        (MiB of it that stay unused; all of it if unset), ``ENDCAP_LOG_LEVEL``
        (``INFO``), ``ENDCAP_CODE_VERSION`` (``unknown``).

    Raises
    ------
    ConfigError
        Naming the variable that is missing or wrong.

    Examples
    --------
    >>> read_settings({"ENDCAP_LAKE_URI": "s3://shop/lake"}).log_level
    'INFO'
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    if LAKE_URI not in given:
        raise ConfigError(f"{LAKE_URI} is not set: give a folder or s3://bucket/prefix")
    return Settings(
        lake_uri=given[LAKE_URI],
        glue_database=_glue_database(given),
        cache_dir=_cache_dir(given),
        log_level=_log_level(given),
        code_version=given.get(CODE_VERSION, UNKNOWN_VERSION),
        cache_keep_bytes=_cache_keep(given),
    )


def _glue_database(given: Mapping[str, str]) -> str | None:
    name = given.get(GLUE_DATABASE)
    if name is not None and not _GLUE_NAME.fullmatch(name):
        raise ConfigError(
            f"{GLUE_DATABASE} is {name!r}: a database has lower-case letters, digits, _ and - only"
        )
    return name


def _cache_dir(given: Mapping[str, str]) -> Path:
    # Of this user's alone: what lies in the cache is trusted.
    own = Path(tempfile.gettempdir()) / f"endcap-cache-{os.getuid()}"
    folder = Path(given.get(CACHE_DIR, own))
    if not folder.is_absolute():
        raise ConfigError(f"{CACHE_DIR} is {str(folder)!r}: it must be an absolute path")
    return folder


def _cache_keep(given: Mapping[str, str]) -> int | None:
    text = given.get(CACHE_KEEP)
    if text is None:
        return None
    if not text.isdecimal():
        raise ConfigError(f"{CACHE_KEEP} is {text!r}: give whole MiB, 0 or more")
    return int(text) << 20


def _log_level(given: Mapping[str, str]) -> str:
    level = given.get(LOG_LEVEL, "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise ConfigError(f"{LOG_LEVEL} is {level!r}: use DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level
