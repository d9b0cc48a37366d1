"""Protocols between computation and the world. `endcap.adapters` implements them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

ABSENT: Final = ""
"""As `expected` of a conditional write: the object must not exist yet."""


@dataclass(frozen=True)
class Manifest:
    """What a committed folder holds.

    `files`: relative POSIX path -> sha256 of the bytes, sorted by path. `facts`: small JSON facts
    the writer wants to keep beside the data. `digest`: sha256 over `files` alone, so that two
    folders with the same bytes have the same digest wherever they lie.
    """

    path: str
    digest: str
    files: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Versioned:
    """The bytes of a small object and the tag that names this version of it."""

    data: bytes
    tag: str


class Lake(Protocol):
    """Folders that are whole or absent, and small objects with conditional writes.

    Paths are relative POSIX paths without a leading slash ("steps/clean/3fa9..."). A committed
    folder never changes. All methods raise `TransientLakeError` for what may pass by itself and
    `LakeError` for the rest.
    """

    @property
    def uri(self) -> str:
        """Where this lake lies: a folder's absolute path or ``s3://bucket/prefix``."""

    def staging(self) -> AbstractContextManager[Path]:
        """Return a new empty local folder to build in. It is deleted on leaving the context."""

    def commit(
        self,
        path: str,
        staged: Path,
        *,
        facts: Mapping[str, Any],
        tables: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Publish the folder `staged` at `path`, whole or not at all, and return its manifest.

        If `path` is already committed, nothing is written and the manifest that is there is
        returned: the first writer wins. `tables` maps a table name to the sub-folder of `staged`
        with its Parquet files; a lake with a catalogue registers them there.
        """

    def manifest(self, path: str) -> Manifest | None:
        """Return the manifest of a committed folder, or None if there is none."""

    def open(
        self, path: str, *, only: Sequence[str] | None = None, verify: bool = False
    ) -> AbstractContextManager[Path]:
        """Give a committed folder as a local, read-only folder.

        `only` limits what a remote lake fetches to files whose relative path starts with one of
        these prefixes. `verify` recomputes the hashes. A lake may keep files of its own beside the
        committed ones; their names begin with an underscore. Raises `NotFoundError`,
        `CorruptArtifactError`.
        """

    def set_retired(self, path: str, *, retired: bool) -> None:
        """Say whether a committed folder is needed no more, or is after all.

        A storage that is told to forget may delete a retired folder after a time of its own; one
        that never forgets ignores this. To say it again changes nothing. Raises `NotFoundError`.
        """

    def location(self, path: str) -> str:
        """Return where a committed folder's files lie: an absolute path or an ``s3://`` URI.

        For an engine that reads the files in place, on many machines. The manifest says which files
        there are. Raises `NotFoundError`.
        """

    def list_folders(self, prefix: str) -> list[str]:
        """Return the paths of the committed folders below `prefix`, sorted."""

    def read(self, path: str) -> Versioned | None:
        """Return a small object with its version tag, or None if there is none."""

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        """Write a small object whole and return its new tag.

        `expected=None` overwrites; `expected=ABSENT` requires that it does not exist yet; any other
        value requires that the stored tag still equals it. Raises `ConflictError`.
        """

    def list_objects(self, prefix: str) -> list[str]:
        """Return the paths of the small objects below `prefix`, sorted."""

    def remove_stale_staging(self, older_than_seconds: float, now: float) -> list[str]:
        """Delete what killed writers left behind, and return the names of what was deleted.

        `older_than_seconds`: how long nothing in it may have changed; longer than any step takes.
        `now`: the present, in seconds since the epoch.
        """


class RawLogs(Protocol):
    """Raw logs as shops bring them: folders of files that somebody else wrote."""

    def open(self, uri: str) -> AbstractContextManager[Path]:
        """Give the raw log at `uri` as a local, read-only folder. Raises `NotFoundError`."""


@dataclass(frozen=True, slots=True)
class VisitorEvent:
    """One event of a visitor, in the shop's own ids.

    `event_id` is unique among the visitor's events: the same id again is the same event. `time_ms`:
    when it happened, UTC epoch ms. `recommendation_id`: the answer that led to it, if told.
    """

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    time_ms: int
    transaction_id: str | None = None
    recommendation_id: str | None = None


class HistoryStore(Protocol):
    """What each visitor did lately. Every method raises `HistoryUnavailableError`."""

    def read(self, user_id: str, *, limit: int) -> list[VisitorEvent]:
        """Return the newest `limit` events, oldest first, events of one time by event id.

        An unknown visitor has none.
        """

    def add(self, events: Sequence[VisitorEvent]) -> None:
        """Keep the events, of any visitors.

        Of equal (user_id, event_id) the first stays, so adding twice is adding once. If it raises,
        part of the events may be kept.
        """

    def erase(self, user_id: str) -> None:
        """Forget a visitor whole. An unknown one is forgotten already."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One number about the system. `unit`: a unit of CloudWatch, such as Count, None or Percent."""

    name: str
    value: float
    unit: str


class MetricSink(Protocol):
    """Where numbers about the system go, for whoever draws and watches them."""

    def put(self, measured: Sequence[Measured], *, now_ms: int) -> None:
        """Take numbers measured at `now_ms`, UTC epoch ms."""


EVENTS: Final = "events"
EXPOSURES: Final = "exposures"
ERASURES: Final = "erasures"
STREAMS: Final = (EVENTS, EXPOSURES, ERASURES)
"""The streams of a record log: what visitors did, what they were shown, whom to forget."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a record log: when it was received (UTC epoch ms), and its plain JSON fields."""

    received_ms: int
    fields: Mapping[str, Any]


class RecordLog(Protocol):
    """Append-only streams that the training workflow reads later.

    A record is durable when `append` returns. One that was appended while `append` raised may be
    there or not, and after a retry twice: readers go by the ids in the fields.
    """

    def append(self, stream: str, records: Sequence[Record]) -> None:
        """Make the records durable. Raises `RecordLogUnavailableError`."""

    def read(self, stream: str, *, since_ms: int) -> Iterator[Record]:
        """Yield the records received at or after `since_ms`, in no promised order.

        What is being written may be left out. Raises `RecordLogUnavailableError`.
        """
