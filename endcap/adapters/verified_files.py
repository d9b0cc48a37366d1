"""Which files were compared with their hashes, on this machine, and have not changed since.

    <folder>/<hash of a folder's path>.json   name -> hash and identity of each of its files

A file's identity is where it lies, its size, and when its bytes and its entry changed last. Writing
to a file changes that; only a disk that loses bits by itself does not, and whoever may set the
clock. A file that changed just now is not remembered: a clock's tick may hide the next change.
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from endcap.registry.bundle import Look

SETTLED_NS: Final = 2_000_000_000
"""How long a file must have been left alone, past any clock's tick."""

Identity = list[int]


class VerifiedFiles:
    """What `endcap.registry.bundle.load_bundle` asks, in a folder of this user's alone.

    What cannot be read or written there is as if it were not there: the files are hashed again.

    Parameters
    ----------
    folder
        Made when it is first needed.
    now_ns
        Returns the present, UTC epoch nanoseconds.
    """

    def __init__(self, folder: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._folder = folder
        self._now_ns = now_ns

    def look(self, folder: Path, hashes: Mapping[str, str]) -> Look:
        """Compare the files with what was kept of them."""
        path = str(folder.absolute())
        record = self._folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"
        kept = self._read(record)
        # As text: a path object a file takes as long as asking the disk.
        found = {name: _identity(f"{path}/{name}") for name in hashes}
        unchanged = frozenset(
            name
            for name, identity in found.items()
            if identity is not None and kept.get(name) == [hashes[name], *identity]
        )
        settled_ns = self._now_ns() - SETTLED_NS

        def keep() -> None:
            lasting = {
                name: [hashes[name], *identity]
                for name, identity in found.items()
                if identity is not None
                and max(identity[-2:]) < settled_ns
                and _identity(f"{path}/{name}") == identity
            }
            if lasting != kept:
                self._write(record, lasting)

        return Look(unchanged, keep)

    def _read(self, record: Path) -> dict[str, object]:
        try:
            if record.stat().st_uid != os.getuid():
                return {}
            files = json.loads(record.read_bytes())
        except (OSError, ValueError):
            return {}
        return files if isinstance(files, dict) else {}

    def _write(self, record: Path, files: Mapping[str, object]) -> None:
        partial = self._folder / f".{uuid.uuid4().hex}"
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What lies there is believed, so nobody else may have prepared the folder.
            if self._folder.stat().st_uid != os.getuid():
                return
            partial.write_text(json.dumps(files), encoding="utf-8")
            partial.replace(record)


def _identity(file: str) -> Identity | None:
    try:
        found = os.stat(file)  # noqa: PTH116 -- see above
    except OSError:
        return None
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
