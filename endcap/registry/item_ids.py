"""The catalogue's item ids, opened without reading them: each is looked up where it lies.

    text.npy    uint8: the ids as UTF-8, by code, a line end after each
    bytes.npy   int64 (n + 1,): the bytes up to each id; 0 first
    table.npy   int32 (a power of two,): code at the place its id hashes to, or further on; -1 empty

A dict of 235,000 ids takes 50 ms to make and 35 MB; this takes one more microsecond an id. Bundles
of earlier releases have the text alone, or, where an id holds a line end, ``ends.npy``: characters
up to each id, which follow each other without line ends. They are read whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final, overload
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from endcap.errors import CorruptArtifactError

TEXT: Final = "text.npy"
ENDS: Final = "ends.npy"
BYTES: Final = "bytes.npy"
TABLE: Final = "table.npy"
SEPARATOR: Final = b"\n"
ROOM: Final = 2
"""Places in the table for each id, at least: half of all stay empty, so probes end soon."""


class ItemIds(Sequence[str]):
    """The ids by code; `codes` is the way back."""

    def __init__(self, text: bytes, ends: NDArray[np.int64], table: NDArray[np.int32]) -> None:
        self._text = text
        # Reading single numbers from a view is several times faster than from an array.
        self._ends = ends.data
        self._n = len(ends) - 1
        self.codes = ItemCodes(self, table.data)

    def __len__(self) -> int:
        """Return the number of items."""
        return self._n

    @overload
    def __getitem__(self, code: int) -> str: ...
    @overload
    def __getitem__(self, code: slice) -> list[str]: ...
    def __getitem__(self, code: int | slice) -> str | list[str]:
        """Return the id of a code, or those of several."""
        if isinstance(code, slice):
            return [self[place] for place in range(*code.indices(len(self)))]
        if not -self._n <= code < self._n:
            raise IndexError(code)
        return self.bytes_of(code % self._n).decode()

    def bytes_of(self, code: int) -> bytes:
        """Return the id of a code, 0 or more, in UTF-8."""
        return self._text[self._ends[code] : self._ends[code + 1] - len(SEPARATOR)]


class ItemCodes(Mapping[str, int]):
    """Codes by id: an open-addressed table, probed place after place."""

    def __init__(self, ids: ItemIds, table: memoryview) -> None:
        self._ids = ids
        self._table = table

    def __getitem__(self, item_id: str) -> int:
        """Return the code of an id. Raises `KeyError`."""
        sought = item_id.encode("utf-8", "surrogatepass")
        last = len(self._table) - 1
        place = crc32(sought) & last
        while (code := self._table[place]) >= 0:
            if self._ids.bytes_of(code) == sought:
                return int(code)
            place = (place + 1) & last
        raise KeyError(item_id)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        """Give the ids in the order of their codes."""
        return iter(self._ids)


def save_item_ids(folder: Path, item_ids: Sequence[str]) -> None:
    """Write the ids by code."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [item_id.encode("utf-8") for item_id in item_ids]
    lengths = (len(word) + len(SEPARATOR) for word in words)
    text = b"".join(word + SEPARATOR for word in words)
    np.save(folder / TEXT, np.frombuffer(text, dtype=np.uint8))
    np.save(folder / BYTES, np.array([0, *accumulate(lengths)], dtype=np.int64))
    np.save(folder / TABLE, _table(words))


def _table(words: Sequence[bytes]) -> NDArray[np.int32]:
    size = 1 << (ROOM * len(words)).bit_length()
    table = np.full(size, -1, dtype=np.int32)
    places = table.data
    for code, word in enumerate(words):
        place = crc32(word) & (size - 1)
        while places[place] >= 0:
            place = (place + 1) & (size - 1)
        places[place] = code
    return table


def load_item_ids(folder: Path) -> Sequence[str]:
    """Return the ids by code. Raises `CorruptArtifactError`."""
    try:
        text = np.load(folder / TEXT, allow_pickle=False)
        ends = _load_if_there(folder / BYTES)
        table = _load_if_there(folder / TABLE)
        if table is None:
            return _read_whole(text.tobytes().decode("utf-8"), _load_if_there(folder / ENDS))
    except (OSError, ValueError) as exc:
        raise CorruptArtifactError(f"{folder}: the item ids cannot be read: {exc}") from exc
    if ends is None or not len(ends) or ends[-1] != len(text):
        raise CorruptArtifactError(f"{folder}: the item ids are cut short")
    size = len(table)
    if size & (size - 1) or size < ROOM * (len(ends) - 1) or int(table.max()) >= len(ends) - 1:
        raise CorruptArtifactError(f"{folder}: the table of item ids is of another catalogue")
    return ItemIds(text.tobytes(), ends, table)


def _load_if_there(file: Path) -> NDArray[Any] | None:
    if not file.is_file():
        return None
    found: NDArray[Any] = np.load(file, allow_pickle=False)
    return found


def _read_whole(text: str, ends: NDArray[np.int64] | None) -> list[str]:
    """Return the ids of a bundle of an earlier release, whose `ends` count characters."""
    if ends is None:
        ids = text.split(SEPARATOR.decode())
        if ids.pop():
            raise ValueError("they are cut short")
        return ids
    if not len(ends) or ends[-1] != len(text):
        raise ValueError("they are cut short")
    return [text[start:end] for start, end in pairwise(ends.tolist())]
