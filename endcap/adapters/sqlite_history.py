"""Visitors' histories in one SQLite file, for one machine."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from endcap.errors import HistoryUnavailableError
from endcap.ports import VisitorEvent

BUSY_SECONDS: Final = 2.0
"""How long a call waits for another writer."""

_COLUMNS: Final = ", ".join(field.name for field in fields(VisitorEvent))
_PLACES: Final = ", ".join("?" for _ in fields(VisitorEvent))
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS events (
    event_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    transaction_id TEXT,
    recommendation_id TEXT,
    PRIMARY KEY (user_id, event_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_time ON events (user_id, time_ms, event_id);
"""


class SqliteHistory:
    """A `HistoryStore` in the file `path`, for any number of threads and processes.

    A write may be lost if the machine loses its power: the record log is what is durable, and
    histories are repaired from it.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def read(self, user_id: str, *, limit: int) -> list[VisitorEvent]:
        """Return the newest `limit` events of a visitor, oldest first."""
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE user_id = ? "  # noqa: S608 -- constants
                "ORDER BY time_ms DESC, event_id DESC LIMIT ?",
                (user_id, limit),
            ).fetchall()
        return [VisitorEvent(*row) for row in reversed(rows)]

    def add(self, events: Sequence[VisitorEvent]) -> None:
        """Keep the events that are not there yet."""
        with self._connection() as connection, connection:
            connection.executemany(
                f"INSERT OR IGNORE INTO events ({_COLUMNS}) VALUES ({_PLACES})",  # noqa: S608
                map(astuple, events),
            )

    def erase(self, user_id: str) -> None:
        """Forget a visitor whole."""
        with self._connection() as connection, connection:
            connection.execute("DELETE FROM events WHERE user_id = ?", (user_id,))

    def close(self) -> None:
        """Close every thread's connection. Nobody may be using the store any more."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._own = threading.local()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection; what SQLite raises becomes ours."""
        try:
            yield self._opened()
        except (sqlite3.Error, OSError) as exc:
            raise HistoryUnavailableError(f"the histories in {self._path.name}: {exc}") from exc

    def _opened(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._connect()
            self._own.connection = connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._create()
        connection = sqlite3.connect(
            self._path, timeout=self._busy_seconds, check_same_thread=False
        )
        try:
            _prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        with self._lock:
            self._all.append(connection)
        return connection

    def _create(self) -> None:
        """Put a prepared, empty file in place, unless somebody else has just done so.

        Two connections that turn one file to write-ahead logging at once do not wait for each
        other, whatever the timeout: SQLite tells one of them at once that it is locked. So the file
        is made under a name of its own, and appears whole.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{self._path.name}.", dir=self._path.parent) as folder:
            made = Path(folder, self._path.name)
            made.touch(mode=0o600)
            with closing(sqlite3.connect(made)) as connection:
                _prepare(connection)
            with suppress(FileExistsError):
                os.link(made, self._path)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.executescript(_SCHEMA)
