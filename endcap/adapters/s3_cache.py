"""Local copies of an S3 lake's folders, by the digest of their content.

    <folder>/folders/<digest>/<file>   whole files whose bytes were checked when they came
    <folder>/partial/<random>          files on their way
    <folder>/staging/<random>/         folders being built for a commit

A file appears by one rename, so any number of processes may share a cache.
"""

import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from endcap.adapters.leftovers import remove_leftovers
from endcap.adapters.manifests import sha256_of_file
from endcap.errors import CorruptArtifactError, LakeError
from endcap.ports import Manifest

Download = Callable[[Path], str]
"""Write a file to this new path, and return the sha256 of its bytes."""


class DownloadCache:
    """Content-addressed files below one folder of this user's alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()

    def folder_of(self, manifest: Manifest) -> Path:
        """Return where the files of a committed folder lie, making the folder."""
        return self._make("folders", manifest.digest)

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
