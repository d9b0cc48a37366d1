"""A lake in one folder of a file system. Standard library only: serving imports it too.

    <root>/<path>/_manifest.json   a committed folder: its files beside its manifest
    <root>/<path>                  a small object
    <root>/.staging/               folders and objects being built
    <root>/.lock                   held (flock) while a name appears or a tag is compared

Everything is built in ``.staging``, synced to disk, and appears by one rename: that is the commit.
A process killed at any moment leaves either nothing or everything, and at most a stale folder in
``.staging``. The kernel frees the lock of a killed process.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from endcap.adapters.lake_paths import MANIFEST_NAME, ancestors, checked_path, checked_prefix
from endcap.adapters.leftovers import remove_leftovers
from endcap.adapters.manifests import (
    StoredManifest,
    check_files,
    check_nothing_added,
    check_tables,
    chosen,
    hash_folder,
)
from endcap.errors import ConflictError, LakeError, NotFoundError, TransientLakeError
from endcap.ports import ABSENT, Manifest, Versioned

_STAGING = ".staging"
_LOCK = ".lock"
_OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR})
_PASSING = frozenset({errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ESTALE, errno.ETIMEDOUT})


class FolderLake:
    """The port `endcap.ports.Lake` on a local or mounted file system.

    Nothing is created before the first write, so that reading from a mistyped folder leaves no
    trace. One path names one thing: a folder, an object, or the beginning of other paths.

    Parameters
    ----------
    root
        The lake's folder; made absolute.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()

    def __repr__(self) -> str:
        return f"FolderLake({str(self._root)!r})"

    @property
    def uri(self) -> str:
        """The lake's folder as an absolute path."""
        return str(self._root)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Return a new empty folder inside the lake; deleted on leaving, committed or not."""
        with _translated("cannot make a staging folder"):
            folder = self._new_staging_folder()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(
        self,
        path: str,
        staged: Path,
        *,
        facts: Mapping[str, Any],
        tables: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Publish `staged` at `path` by one rename, unless something is committed there already.

        A folder made by `staging` is moved, so it is gone afterwards; any other is copied first.
        """
        existing = self.manifest(checked_path(path))
        if existing is not None:
            return existing
        with _translated(f"cannot commit {path}"):
            staged = staged.resolve()
            if (self._root / _STAGING).resolve() in staged.parents:
                return self._publish(path, staged, facts, tables or {})
            folder = self._new_staging_folder()
            try:
                # hash_folder refuses links and special files before anything is followed.
                for name in hash_folder(staged):
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(staged / name, folder / name)
                return self._publish(path, folder, facts, tables or {})
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def manifest(self, path: str) -> Manifest | None:
        """Return the manifest of the folder committed at `path`, or None."""
        file = self._root / checked_path(path) / MANIFEST_NAME
        with _translated(f"cannot read {file}"):
            data = _read_if_there(file)
        return None if data is None else StoredManifest.decode(data, name=str(file)).at(path)

    @contextmanager
    def open(
        self, path: str, *, only: Sequence[str] | None = None, verify: bool = False
    ) -> Iterator[Path]:
        """Give the committed folder itself; it must not be changed.

        With `verify`, the files chosen by `only` are hashed again, and files that the manifest
        does not name are refused.
        """
        manifest = self.manifest(path)
        if manifest is None:
            raise _no_folder(path, self.uri)
        folder = self._root / path
        if verify:
            with _translated(f"cannot verify {path}"):
                check_files(folder, manifest, chosen(manifest.files, only))
                check_nothing_added(folder, manifest)
        yield folder

    def set_retired(self, path: str, *, retired: bool) -> None:  # noqa: ARG002 -- the port's
        """Do nothing: a folder forgets nothing by itself. Raises `NotFoundError`."""
        self.location(path)

    def location(self, path: str) -> str:
        """Return the committed folder's absolute path."""
        if self.manifest(path) is None:
            raise _no_folder(path, self.uri)
        return str(self._root / path)

    def list_folders(self, prefix: str) -> list[str]:
        """Return the paths of the committed folders below `prefix`, sorted."""
        return sorted(path for path, is_folder in self._walk(prefix) if is_folder)

    def read(self, path: str) -> Versioned | None:
        """Return the small object at `path` with its tag (sha256 of its bytes), or None."""
        with _translated(f"cannot read {path}"):
            data = _read_if_there(self._root / checked_path(path))
        return None if data is None else Versioned(data=data, tag=_tag(data))

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        """Write a small object by one rename, after comparing tags under the lake's lock."""
        target = self._root / checked_path(path)
        with _translated(f"cannot write {path}"), self._locked():
            self._refuse_inside_a_folder(path)
            if (target / MANIFEST_NAME).exists():
                raise LakeError(f"'{path}' is a committed folder and cannot become an object")
            self._compare(path, expected)
            _make_folder(target.parent)
            self._replace(target, data)
        return _tag(data)

    def list_objects(self, prefix: str) -> list[str]:
        """Return the paths of the small objects below `prefix`, sorted."""
        return sorted(path for path, is_folder in self._walk(prefix) if not is_folder)

    def remove_stale_staging(self, older_than_seconds: float, now: float) -> list[str]:
        """Delete what killed writers left in staging, and return the names deleted.

        Parameters
        ----------
        older_than_seconds
            How long nothing inside may have changed; longer than any step takes to run.
        now
            The present, in seconds since the epoch.
        """
        with _translated("cannot clean up staging"):
            return remove_leftovers(self._root / _STAGING, older_than_seconds, now)

    def _publish(
        self, path: str, staged: Path, facts: Mapping[str, Any], tables: Mapping[str, str]
    ) -> Manifest:
        files = hash_folder(staged)
        check_tables(files, tables)
        data = StoredManifest(files=files, facts=facts, tables=tables).encode()
        beside = staged / MANIFEST_NAME
        try:
            _remove_empty_folders(staged)
            beside.write_bytes(data)
            _sync_tree(staged)
            with self._locked():
                return self._appear(path, staged)
        finally:
            # Still there only if the folder did not move: it can then be committed again.
            beside.unlink(missing_ok=True)

    def _appear(self, path: str, staged: Path) -> Manifest:
        self._refuse_inside_a_folder(path)
        final = self._root / path
        _make_folder(final.parent)
        try:
            # Refused by the kernel if `final` is a file or a folder with anything in it.
            staged.rename(final)
        except OSError as exc:
            if exc.errno not in _OCCUPIED:
                raise
            first = self.manifest(path)
            if first is None:
                raise LakeError(f"'{path}' already holds objects or other folders") from exc
            return first
        _sync(final.parent)
        published = self.manifest(path)
        if published is None:
            raise LakeError(f"'{path}' vanished while it was being committed")
        return published

    def _refuse_inside_a_folder(self, path: str) -> None:
        for above in ancestors(path):
            if (self._root / above / MANIFEST_NAME).exists():
                raise LakeError(f"'{path}' lies inside '{above}', which is committed for good")

    def _compare(self, path: str, expected: str | None) -> None:
        if expected is None:
            return
        there = self.read(path)
        if expected == ABSENT and there is not None:
            raise ConflictError(f"'{path}' exists already; read it and decide again")
        if expected != ABSENT and (there is None or there.tag != expected):
            raise ConflictError(f"'{path}' was changed by another writer; read it and decide again")

    def _replace(self, target: Path, data: bytes) -> None:
        temporary = self._new_staging_path()
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(target.parent)

    def _walk(self, prefix: str) -> Iterator[tuple[str, bool]]:
        """Yield (path, is it a committed folder) for everything strictly below `prefix`."""
        start = self._root / checked_prefix(prefix)
        if (start / MANIFEST_NAME).exists():
            return
        with _translated(f"cannot list {start}"):
            for folder, below, files in os.walk(start, onerror=_raise_unless_absent):
                here = Path(folder)
                visible = [name for name in below if not name.startswith(".")]
                committed = [name for name in visible if (here / name / MANIFEST_NAME).exists()]
                below[:] = [name for name in visible if name not in committed]
                names = [name for name in files if not name.startswith(".")]
                for name in committed + names:
                    yield (here / name).relative_to(self._root).as_posix(), name in committed

    @contextmanager
    def _locked(self) -> Iterator[None]:
        _make_folder(self._root)
        with (self._root / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _new_staging_folder(self) -> Path:
        folder = self._new_staging_path()
        folder.mkdir()
        return folder

    def _new_staging_path(self) -> Path:
        staging = self._root / _STAGING
        _make_folder(staging)
        return staging / uuid.uuid4().hex


def _no_folder(path: str, uri: str) -> NotFoundError:
    return NotFoundError(
        f"no folder '{path}' in the lake {uri}; check the lake's address, or run `endcap run` first"
    )


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except OSError as exc:
        kind = TransientLakeError if exc.errno in _PASSING else LakeError
        raise kind(f"{doing}: {exc}") from exc


def _raise_unless_absent(error: OSError) -> None:
    if error.errno not in {errno.ENOENT, errno.ENOTDIR}:
        raise error


def _read_if_there(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, each one synced to disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _remove_empty_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        here = Path(folder)
        if here != top and not any(here.iterdir()):
            here.rmdir()


def _sync_tree(top: Path) -> None:
    for folder, _, files in os.walk(top, topdown=False):
        for name in files:
            _sync(Path(folder, name))
        _sync(Path(folder))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
