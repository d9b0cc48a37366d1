"""Delimited text split by position: every row accounted for, none swallowed by a neighbour.

A general CSV parser may merge rows at a stray quotation mark, drop blank lines or stop at a
line longer than its block. Here a line is what lies between two line feeds, whatever is in it, so
that row numbers are exact. The splitting is done on byte positions in numpy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_LINE_FEED: Final = 10
_CARRIAGE_RETURN: Final = 13
BLOCK_BYTES: Final = 8 << 20
LONGEST_LINE_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class SplitBlock:
    """Some consecutive lines.

    `lines` BinaryArray (all); `good` bool: has the right column count; `fields` BinaryArrays, one
    a column, of the good lines only.
    """

    lines: pa.Array
    good: NDArray[np.bool_]
    fields: tuple[pa.Array, ...]


def whole_lines(stream: IO[bytes], *, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield the rest of a stream in blocks that end with a line feed.

    Raises `OSError` at a line that no text file has: it is some other kind of file.
    """
    while data := stream.read(block_bytes):
        if not data.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE_BYTES)
            if len(rest) == LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
                raise OSError(
                    f"a line is longer than {LONGEST_LINE_BYTES >> 20} MiB; is it a text file?"
                )
            data += rest if rest.endswith(b"\n") else rest + b"\n"
        yield data


def byte_spans(data: bytes, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> pa.Array:
    """Return the spans as a BinaryArray, element 2k; between them lie the separators, 2k + 1."""
    offsets = np.empty(2 * len(starts) + 1, dtype=np.int32)
    offsets[0:-1:2] = starts
    offsets[1::2] = stops
    offsets[-1] = len(data)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), 2 * len(starts), buffers)


def line_feeds(data: bytes) -> NDArray[np.int64]:
    """Return the places of the line feeds, int64."""
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _LINE_FEED)


def all_lines(data: bytes) -> pa.Array:
    r"""Return the lines of a block that ends with a line feed, as a BinaryArray.

    >>> all_lines(b"a\n\nb\r\n").to_pylist()
    [b'a', b'', b'b\r']
    """
    feeds = line_feeds(data)
    spans = byte_spans(data, np.concatenate([[0], feeds[:-1] + 1]), feeds)
    return spans.take(pa.array(np.arange(0, 2 * len(feeds), 2)))


def split_block(data: bytes, *, delimiter: str, columns: int) -> SplitBlock:
    r"""Split a block that ends with a line feed into `columns` fields a line.

    A carriage return before the line feed belongs to the line's end.

    >>> split_block(b"a,b\nc\n", delimiter=",", columns=2).good.tolist()
    [True, False]
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    is_feed = raw == _LINE_FEED
    ends = np.flatnonzero(is_feed | (raw == ord(delimiter)))
    last = np.flatnonzero(is_feed[ends])
    first = np.concatenate([[0], last[:-1] + 1])
    starts = np.concatenate([[0], ends[:-1] + 1])
    stops = ends.copy()
    feeds = ends[last]
    has_return = (raw[feeds - 1] == _CARRIAGE_RETURN) & (feeds > starts[first])
    stops[last] -= has_return
    good = last - first + 1 == columns
    tokens = byte_spans(data, starts, stops)
    fields = tuple(tokens.take(pa.array(2 * (first[good] + j))) for j in range(columns))
    lines = byte_spans(data, starts[first], stops[last])
    return SplitBlock(lines.take(pa.array(np.arange(0, 2 * len(last), 2))), good, fields)
