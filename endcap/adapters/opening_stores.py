"""From a URI to the histories or the record log behind it."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from endcap.adapters.segment_log import SegmentLog
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.errors import ConfigError
from endcap.ports import STREAMS, HistoryStore, RecordLog


def open_history(uri: str) -> HistoryStore:
    """Return the histories at `uri`. Nothing is read or written yet.

    `uri`: a file (``service/history.sqlite``), or ``dynamodb://TABLE?ttl_days=N``. Raises
    `ConfigError` if it is neither, or what its kind needs is not installed.
    """
    parts = urlsplit(uri)
    if uri and not parts.scheme:
        return SqliteHistory(Path(uri))
    if parts.scheme == "dynamodb" and parts.netloc:
        given = _options(uri, parts.query, known={"ttl_days"})
        # Imported here: stores on a disk must work, and start fast, without the AWS libraries.
        try:
            from endcap.adapters.dynamodb_history import DynamoDbHistory  # noqa: PLC0415
        except ImportError as exc:
            raise _missing(uri, exc) from exc
        return DynamoDbHistory.connect(
            parts.netloc, ttl_days=_days(uri, given.get("ttl_days", "365"))
        )
    raise ConfigError(f"the histories {uri!r} are neither a file nor dynamodb://TABLE")


def open_record_log(uri: str) -> RecordLog:
    """Return the record log at `uri`. Nothing is read or written yet.

    `uri`: a folder (``service/log``), or ``firehose://?events=STREAM&exposures=STREAM&
    erasures=STREAM&delivered=s3://BUCKET/PREFIX`` with the names of the delivery streams and, for
    whoever reads, where they deliver to. Raises `ConfigError` if it is neither, or what its kind
    needs is not installed.
    """
    parts = urlsplit(uri)
    if uri and not parts.scheme:
        return SegmentLog(Path(uri))
    if parts.scheme == "firehose":
        given = _options(uri, parts.query, known={*STREAMS, "delivered"})
        missing = [stream for stream in STREAMS if stream not in given]
        if missing:
            raise ConfigError(f"the record log {uri!r} names no stream for {', '.join(missing)}")
        try:
            from endcap.adapters.firehose_log import FirehoseLog  # noqa: PLC0415
        except ImportError as exc:
            raise _missing(uri, exc) from exc
        return FirehoseLog.connect(
            {stream: given[stream] for stream in STREAMS}, delivered=given.get("delivered")
        )
    raise ConfigError(f"the record log {uri!r} is neither a folder nor firehose://?events=...")


def _options(uri: str, query: str, *, known: set[str]) -> Mapping[str, str]:
    given = dict(parse_qsl(query))
    unknown = sorted(set(given) - known)
    if unknown:
        raise ConfigError(f"{uri!r}: {', '.join(unknown)} means nothing here")
    return given


def _days(uri: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ConfigError(f"{uri!r}: ttl_days is a number of days from 1 to 36500")
    return int(text)


def _missing(uri: str, exc: ImportError) -> ConfigError:
    return ConfigError(
        f"{uri} needs the AWS libraries ({exc.name} is missing): pip install 'endcap[aws]'"
    )
