"""Structured logs: one JSON object a line, without personal ids and secrets."""

import hashlib
import logging
import sys
from datetime import UTC, datetime
from typing import Final

import orjson

_TELL_PATHS: Final = ("mangum", "uvicorn.access", "botocore")
"""Loggers that would write whole paths or bodies, and so user ids; their warnings are heard."""
FIELDS: Final = "endcap_fields"
"""As `extra` of a log call: the line's own fields."""


class JsonLines(logging.Formatter):
    """Writes time, level, logger, message, the line's own fields, and an error's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        moment = datetime.fromtimestamp(record.created, tz=UTC)
        fields = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(fields, default=str).decode()


def log_to_stderr(level: str) -> None:
    """Have every logger of this process write JSON lines to standard error."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[stream], force=True)
    for name in _TELL_PATHS:
        logging.getLogger(name).setLevel(logging.WARNING)


def pseudonym(user_id: str, key: bytes) -> str:
    """Return what stands for a user in the logs: the same for the same user and key."""
    return hashlib.blake2b(user_id.encode("utf-8", "replace"), digest_size=8, key=key).hexdigest()
