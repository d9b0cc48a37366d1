"""The catalogue's item ids as two arrays: quick to open, whatever the shop's spelling."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from endcap.errors import CorruptArtifactError

TEXT = "text.npy"
ENDS = "ends.npy"


def save_item_ids(folder: Path, item_ids: Sequence[str]) -> None:
    """Write the ids by code: all of them as UTF-8 in one array, and where each ends.

    `text` uint8 holds the bytes, `ends` int64 (n + 1,) counts characters.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ends = np.zeros(len(item_ids) + 1, dtype=np.int64)
    np.cumsum([len(item_id) for item_id in item_ids], out=ends[1:], dtype=np.int64)
    text = np.frombuffer("".join(item_ids).encode("utf-8"), dtype=np.uint8)
    np.save(folder / TEXT, text)
    np.save(folder / ENDS, ends)


def load_item_ids(folder: Path) -> list[str]:
    """Return the ids by code. Raises `CorruptArtifactError`."""
    try:
        text = np.load(folder / TEXT, allow_pickle=False).tobytes().decode("utf-8")
        ends = np.load(folder / ENDS, allow_pickle=False).tolist()
    except (OSError, ValueError) as exc:
        raise CorruptArtifactError(f"{folder}: the item ids cannot be read: {exc}") from exc
    if not ends or ends[-1] != len(text):
        raise CorruptArtifactError(f"{folder}: the item ids are cut short")
    return [text[start:end] for start, end in pairwise(ends)]
