"""Local copies of an S3 lake's folders, by the digest of their content.

    <folder>/folders/<digest>/<file>   whole files whose bytes were checked when they came
    <folder>/partial/<random>          files on their way
    <folder>/staging/<random>/         folders being built for a commit

A file appears by one rename, so any number of processes may share a cache.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from endcap.adapters.leftovers import remove_leftovers
from endcap.adapters.manifests import sha256_of_file
from endcap.errors import CorruptArtifactError, LakeError
from endcap.ports import Manifest

Download = Callable[[Path], str]
"""Write a file to this new path, and return the sha256 of its bytes."""


class DownloadCache:
    """Content-addressed files below one folder of this user's alone.

    `keep_bytes`: how much may lie there that this process has not open; what was open last stays
    longest. None keeps everything. Processes that share a cache must not limit it: each would
    delete what the others have open.
    """

    def __init__(self, folder: Path, *, keep_bytes: int | None = None) -> None:
        self._folder = folder.expanduser().absolute()
        self._keep_bytes = keep_bytes
        self._open: Counter[str] = Counter()
        self._lock = Lock()

    def folder_of(self, manifest: Manifest) -> Path:
        """Return where the files of a committed folder lie, making the folder."""
        return self._make("folders", manifest.digest)

    @contextmanager
    def held(self, manifest: Manifest) -> Iterator[None]:
        """Hold a folder open: it is not deleted to make room."""
        with self._lock:
            self._open[manifest.digest] += 1
        try:
            yield
        finally:
            with self._lock:
                # When it was last wanted: a folder has no other memory of that.
                os.utime(self.folder_of(manifest))
                self._open[manifest.digest] -= 1

    def make_room(self) -> None:
        """Delete folders that nobody here has open, the longest unused first, past the limit."""
        if self._keep_bytes is None:
            return
        with self._lock:
            held = {digest for digest, n in self._open.items() if n > 0}
            folders = [path for path in self._make("folders").iterdir() if path.name not in held]
            kept = 0
            for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
                kept += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                if kept > self._keep_bytes:
                    shutil.rmtree(folder, ignore_errors=True)

    def absent(self, manifest: Manifest, names: Iterable[str], *, verify: bool) -> list[str]:
        """Return the names that must be downloaded.

        With `verify`, a copy whose bytes have changed on this disk is dropped and counts as absent.
        """
        folder = self.folder_of(manifest)
        missing = []
        for name in names:
            path = folder / name
            whole = path.is_file() and (not verify or sha256_of_file(path) == manifest.files[name])
            if not whole:
                path.unlink(missing_ok=True)
                missing.append(name)
        return missing

    def fetch(self, manifest: Manifest, name: str, download: Download) -> None:
        """Download one file, check its bytes, and let it appear.

        Raises
        ------
        CorruptArtifactError
            If the bytes that came do not match the hash in the manifest.
        """
        target = self.folder_of(manifest) / name
        partial = self._make("partial") / uuid.uuid4().hex
        try:
            if download(partial) != manifest.files[name]:
                raise CorruptArtifactError(
                    f"{manifest.path}/{name} does not match the hash in its manifest"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def new_staging_folder(self) -> Path:
        """Return a new empty folder to build in."""
        return self._make("staging", uuid.uuid4().hex)

    def remove_stale(self, older_than_seconds: float, now: float) -> None:
        """Delete what killed processes left half downloaded or half built."""
        for kind in ("partial", "staging"):
            remove_leftovers(self._folder / kind, older_than_seconds, now)

    def _make(self, *below: str) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Cached bytes are trusted, so nobody else may have prepared the folder.
        if self._folder.stat().st_uid != os.getuid():
            raise LakeError(f"the cache {self._folder} belongs to another user; name one of yours")
        folder = self._folder.joinpath(*below)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
