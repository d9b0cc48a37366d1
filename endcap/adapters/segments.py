"""The format of a record log's segment: one record a line, each with a checksum."""

import json
import zlib
from typing import Any, Final

from endcap.ports import Record

_CHECKSUM_DIGITS: Final = 8


def to_line(record: Record) -> bytes:
    r"""Return a record as a line: checksum, time of receipt, fields. Raises `ValueError`.

    >>> to_line(Record(5, {"a": 1}))
    b'b0ae80b4 5 {"a":1}\n'
    """
    fields = json.dumps(record.fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    body = f"{record.received_ms} {fields}".encode()
    return _checksum(body) + b" " + body + b"\n"


def from_line(line: bytes) -> Record | None:
    """Return the record of a line, or None if the line is torn or damaged."""
    checksum, body = line[:_CHECKSUM_DIGITS], line[_CHECKSUM_DIGITS + 1 :]
    if not body.endswith(b"\n") or checksum != _checksum(body[:-1]):
        return None
    received, _, text = body.partition(b" ")
    fields: dict[str, Any] = json.loads(text)
    return Record(int(received), fields)


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)
