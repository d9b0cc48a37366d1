"""A record log on a disk: append-only segments, durable by fsync.

    <folder>/<stream>/<first record's time, ms>-<writer>-<n>.seg

Every writer has segments of its own, so writers never wait for each other. A segment that a write
failed on is never written to again: what is torn is at its end, and readers pass over it.
"""

import logging
import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from endcap.adapters.segments import from_line, to_line
from endcap.errors import RecordLogUnavailableError
from endcap.ports import STREAMS, Record

_LOG: Final = logging.getLogger(__name__)

MAX_SEGMENT_BYTES: Final = 64 << 20
SUFFIX: Final = ".seg"
SLACK_MS: Final = 3_600_000
"""How far the clock of the records may be ahead of the file system's."""


class SegmentLog:
    """A `RecordLog` in a folder, for any number of threads and processes.

    Appends of several threads at a time share one fsync.
    """

    def __init__(self, folder: Path, *, max_segment_bytes: int = MAX_SEGMENT_BYTES) -> None:
        self._folder = folder
        self._writers = {
            stream: _Writer(folder / stream, max_segment_bytes=max_segment_bytes)
            for stream in STREAMS
        }

    def append(self, stream: str, records: Sequence[Record]) -> None:
        """Make the records durable."""
        if not records:
            return
        lines = b"".join(map(to_line, records))
        self._writers[stream].append(lines, records[0].received_ms)

    def read(self, stream: str, *, since_ms: int) -> Iterator[Record]:
        """Yield what was received at or after `since_ms`, segment by segment."""
        try:
            for segment in sorted((self._folder / stream).glob(f"*{SUFFIX}")):
                if segment.stat().st_mtime_ns // 1_000_000 >= since_ms - SLACK_MS:
                    yield from _records(segment, since_ms)
        except OSError as exc:
            raise RecordLogUnavailableError(f"the record log cannot be read: {exc}") from exc

    def close(self) -> None:
        """Close the segments that are open."""
        for writer in self._writers.values():
            writer.close()


def _records(segment: Path, since_ms: int) -> Iterator[Record]:
    with segment.open("rb") as stream:
        for line in stream:
            record = from_line(line)
            if record is None:
                # Its writer died before it was acknowledged, or the disk is losing its memory.
                _LOG.warning("%s: a torn or damaged line was passed over", segment.name)
            elif record.received_ms >= since_ms:
                yield record


@dataclass
class _Ticket:
    """Lines that somebody waits to see durable."""

    lines: bytes
    received_ms: int
    done: bool = False
    error: OSError | None = None


@dataclass
class _Writer:
    """Writes one stream's segments; who comes first writes for all who wait."""

    folder: Path
    max_segment_bytes: int
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _waiting: list[_Ticket] = field(default_factory=list)
    _is_writing: bool = False
    _fd: int | None = None
    _size: int = 0
    _n: int = 0
    _name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def append(self, lines: bytes, received_ms: int) -> None:
        ticket = _Ticket(lines, received_ms)
        with self._turn:
            self._waiting.append(ticket)
            while self._is_writing and not ticket.done:
                self._turn.wait()
            if ticket.done:
                self._raise(ticket)
                return
            self._is_writing = True
            batch, self._waiting = self._waiting, []
        error: OSError | None = OSError("the writer was interrupted")
        try:
            error = self._try_to_write(batch)
        finally:
            with self._turn:
                for written in batch:
                    written.done, written.error = True, error
                self._is_writing = False
                self._turn.notify_all()
        self._raise(ticket)

    def close(self) -> None:
        with self._turn:
            while self._is_writing:
                self._turn.wait()
            self._leave_segment()

    def _raise(self, ticket: _Ticket) -> None:
        if ticket.error is not None:
            raise RecordLogUnavailableError(
                f"the record log cannot be written: {ticket.error}"
            ) from ticket.error

    def _try_to_write(self, batch: Sequence[_Ticket]) -> OSError | None:
        try:
            self._write(b"".join(ticket.lines for ticket in batch), batch[0].received_ms)
        except OSError as exc:
            self._leave_segment()
            return exc
        return None

    def _write(self, data: bytes, received_ms: int) -> None:
        if self._fd is None or self._size + len(data) > self.max_segment_bytes:
            self._begin_segment(received_ms)
        fd = self._fd
        if fd is None:
            raise OSError("no segment is open")
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
        self._size += len(data)

    def _begin_segment(self, received_ms: int) -> None:
        self._leave_segment()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._n += 1
        path = self.folder / f"{received_ms:015d}-{self._name}-{self._n:06d}{SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = 0
        for folder in (self.folder, *self.folder.parents[:2]):
            _sync_folder(folder)

    def _leave_segment(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
