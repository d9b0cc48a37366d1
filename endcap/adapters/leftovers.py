"""What killed writers leave on a disk: how old it is, and how it goes."""

import shutil
from contextlib import suppress
from pathlib import Path


def remove_leftovers(folder: Path, older_than_seconds: float, now: float) -> list[str]:
    """Delete the entries of `folder` in which nothing has changed for so long.

    Parameters
    ----------
    folder
        Its direct entries, files or folders, are what is looked at; it may be missing.
    older_than_seconds
        How long nothing inside an entry may have changed.
    now
        The present, in seconds since the epoch.

    Returns
    -------
    list of str
        The names of the entries deleted, sorted.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    stale = [entry for entry in entries if now - _last_change(entry) > older_than_seconds]
    for entry in stale:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    return [entry.name for entry in stale]


def _last_change(entry: Path) -> float:
    """Return the newest modification time in a tree; the end of time if it has vanished."""
    times = []
    for path in (entry, *entry.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(path.lstat().st_mtime)
    return max(times, default=float("inf"))
