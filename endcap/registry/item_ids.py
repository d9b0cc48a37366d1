"""The catalogue's item ids as arrays: quick to open, whatever the shop's spelling."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from endcap.errors import CorruptArtifactError

TEXT = "text.npy"
ENDS = "ends.npy"
SEPARATOR = "\n"


def save_item_ids(folder: Path, item_ids: Sequence[str]) -> None:
    """Write the ids by code: all of them as UTF-8 in one array, a line end after each.

    `text` uint8 holds the bytes. Where an id holds a line end itself, the ids follow each other
    without, and `ends` int64 (n + 1,) counts the characters up to each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ENDS).unlink(missing_ok=True)
    separator = SEPARATOR
    if any(SEPARATOR in item_id for item_id in item_ids):
        separator = ""
        ends = np.zeros(len(item_ids) + 1, dtype=np.int64)
        np.cumsum([len(item_id) for item_id in item_ids], out=ends[1:], dtype=np.int64)
        np.save(folder / ENDS, ends)
    text = "".join(f"{item_id}{separator}" for item_id in item_ids)
    np.save(folder / TEXT, np.frombuffer(text.encode("utf-8"), dtype=np.uint8))


def load_item_ids(folder: Path) -> list[str]:
    """Return the ids by code. Raises `CorruptArtifactError`."""
    try:
        text = np.load(folder / TEXT, allow_pickle=False).tobytes().decode("utf-8")
        ends = None
        if (folder / ENDS).is_file():
            ends = np.load(folder / ENDS, allow_pickle=False).tolist()
    except (OSError, ValueError) as exc:
        raise CorruptArtifactError(f"{folder}: the item ids cannot be read: {exc}") from exc
    if ends is None:
        ids: list[str] = text.split(SEPARATOR)
        if ids.pop():
            raise CorruptArtifactError(f"{folder}: the item ids are cut short")
        return ids
    if not ends or ends[-1] != len(text):
        raise CorruptArtifactError(f"{folder}: the item ids are cut short")
    return [text[start:end] for start, end in pairwise(ends)]
