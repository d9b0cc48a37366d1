"""Which paths a lake accepts: relative, POSIX, and unable to leave the lake."""

from pathlib import PurePosixPath
from typing import Final

from endcap.errors import LakeError

MANIFEST_NAME: Final = "_manifest.json"
"""Beside the files of a committed folder; no path and no staged file may use this name."""


def checked_path(path: str) -> str:
    """Return `path` if it names a place inside a lake.

    Refused are the empty path, absolute paths, backslashes, unprintable characters, empty segments,
    segments that start with a dot (so ``.`` and ``..`` too) and the manifest's own name.

    Raises
    ------
    LakeError
        If the path is refused; the message says what is wrong with it.

    Examples
    --------
    >>> checked_path("steps/clean/3fa9")
    'steps/clean/3fa9'
    """
    reason = _refusal(path)
    if reason:
        raise LakeError(f"lake path {path!r} is refused: {reason}")
    return path


def checked_prefix(prefix: str) -> str:
    """Return `prefix` without a trailing slash; the empty prefix means the whole lake.

    Raises
    ------
    LakeError
        If `prefix` is not empty and would be refused as a path.
    """
    bare = prefix.removesuffix("/")
    return checked_path(bare) if prefix else ""


def ancestors(path: str) -> list[str]:
    """Return the paths above `path`, nearest first, without the lake's root.

    Examples
    --------
    >>> ancestors("a/b/c")
    ['a/b', 'a']
    """
    return [str(parent) for parent in PurePosixPath(path).parents][:-1]


def _refusal(path: str) -> str:
    segments = path.split("/")
    checks = {
        "it is empty": not path,
        "it must be relative to the lake": path.startswith("/"),
        "it holds a backslash": "\\" in path,
        "it holds an unprintable character": not path.isprintable(),
        "it has an empty segment": "" in segments,
        "a segment starts with a dot": any(segment.startswith(".") for segment in segments),
        f"{MANIFEST_NAME} is the lake's own": MANIFEST_NAME in segments,
    }
    return next((reason for reason, holds in checks.items() if holds), "")
