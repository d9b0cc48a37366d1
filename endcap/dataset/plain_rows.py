"""Delimited rows that are written plainly: parsed many at a time, and no number becomes a text.

Most rows of a sound log are printable ASCII with whole numbers in their shortest spelling. Arrow
parses a block of them without holding Python's lock, but it also takes what the rules of
`endcap.dataset.validation` see otherwise: blanks around a number, leading zeros, a carriage return
for the end of a row. Each of these is longer than what Arrow makes of it. So a block is plain as a
whole if the shortest spelling of what was parsed is as long as the block; of another block, each
line is held to a pattern. What is not plain is not judged here: it is handed back as it stands.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from endcap.dataset.lines import all_lines

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]

MAX_DIGITS: Final = 16
"""Longer numbers are not read as plain ones."""
_BLANK: Final = 32


class Kind(StrEnum):
    """What the fields of a column are. Names are texts of which there are few."""

    NUMBER = "number"
    NUMBER_OR_NONE = "number or none"
    NAME = "name"
    TEXT = "text"


_TYPES: Final = {
    Kind.NUMBER: pa.int64(),
    Kind.NUMBER_OR_NONE: pa.int64(),
    Kind.NAME: pa.dictionary(pa.int32(), pa.string()),
    Kind.TEXT: pa.string(),
}


@dataclass(frozen=True)
class Layout:
    """The columns of a file: what each one holds, and where the canonical ones are.

    At least one must be a number.
    """

    kinds: tuple[Kind, ...]
    position: Mapping[str, int]
    delimiter: str

    @cached_property
    def pattern(self) -> str:
        """What a plain line matches. A carriage return at its end is part of the end."""
        number = f"(?:0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})"
        text = rf"[^{re.escape(self.delimiter)}\x00-\x1f\x7f-\xff]*"
        fields = {
            Kind.NUMBER: number,
            Kind.NUMBER_OR_NONE: f"{number}?",
            Kind.NAME: text,
            Kind.TEXT: text,
        }
        return f"^{re.escape(self.delimiter).join(fields[kind] for kind in self.kinds)}\r?$"


@dataclass(frozen=True)
class PlainBlock:
    """Some consecutive `lines`, and those n of them that are plain, parsed.

    `columns`: arrays (n,) by position. `line` int64 (n,): a row's place among the lines.
    """

    data: bytes
    columns: tuple[pa.Array, ...]
    line: Numbers
    lines: int

    def numbers(self, column: int) -> Numbers:
        """Return a column of numbers, int64 (n,), -1 for none."""
        values = self.columns[column]
        if values.null_count:
            values = pc.fill_null(values, -1)
        numbers: Numbers = values.to_numpy()
        return numbers

    def other_lines(self, plain: Mask) -> tuple[Numbers, bytes]:
        """Return the places of all lines but the `plain` rows, and these lines as a block."""
        if len(plain) == self.lines and plain.all():
            return _NONE, b""
        other = np.ones(self.lines, dtype=np.bool_)
        other[self.line[plain]] = False
        place = np.flatnonzero(other)
        return place, _joined(all_lines(self.data).take(pa.array(place)))


_NONE: Final = np.empty(0, dtype=np.int64)


def parse_plain(data: bytes, layout: Layout) -> PlainBlock:
    r"""Parse a block that ends with a line feed.

    >>> layout = Layout((Kind.NUMBER, Kind.TEXT), {}, ",")
    >>> block = parse_plain(b"7,a\n08,b\n1\n", layout)
    >>> block.numbers(0).tolist(), block.line.tolist()
    ([7], [0])
    >>> block.other_lines(block.numbers(0) > 0)
    (array([1, 2]), b'08,b\n1\n')
    """
    columns = _parsed(data, layout) if _may_be_plain(data) else None
    if columns is not None and _spelled_length(columns, layout) == len(data):
        rows = len(columns[0])
        if np.count_nonzero(np.frombuffer(data, np.uint8) < _BLANK) == rows:
            return PlainBlock(data, columns, np.arange(rows), rows)
    lines = all_lines(data)
    plain = pc.match_substring_regex(lines, layout.pattern)
    line = np.flatnonzero(plain.to_numpy(zero_copy_only=False))
    columns = _parsed(_joined(lines.filter(plain)), layout)
    if columns is None:
        columns, line = tuple(pa.array([], _TYPES[kind]) for kind in layout.kinds), _NONE
    return PlainBlock(data, columns, line, len(lines))


def _joined(lines: pa.Array) -> bytes:
    if not len(lines):
        return b""
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    joined: bytes = pc.binary_join(whole, b"\n")[0].as_py()
    return joined + b"\n"


def _may_be_plain(data: bytes) -> bool:
    # A hexadecimal number may be shorter than the decimal one that Arrow makes of it.
    hexadecimal = (b"x" in data and b"0x" in data) or (b"X" in data and b"0X" in data)
    return data.isascii() and b"\r" not in data and b"\x7f" not in data and not hexadecimal


def _parsed(data: bytes, layout: Layout) -> tuple[pa.Array, ...] | None:
    """Return what Arrow takes the columns for; None if there is a row that it cannot read."""
    names = [str(place) for place in range(len(layout.kinds))]
    kinds = dict(zip(names, layout.kinds, strict=True))
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            csv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char=False,
                double_quote=False,
                ignore_empty_lines=False,
            ),
            csv.ConvertOptions(
                check_utf8=False,
                column_types={name: _TYPES[kind] for name, kind in kinds.items()},
                null_values=[""] if Kind.NUMBER_OR_NONE in layout.kinds else [],
            ),
        )
    except pa.ArrowInvalid:
        return None
    return tuple(column.chunk(0) for column in table.columns)


def _spelled_length(columns: tuple[pa.Array, ...], layout: Layout) -> int | None:
    """Return how long the rows are in their shortest spelling; None if they are not plain."""
    separators = len(columns) * len(columns[0])
    lengths = [_length(column, kind) for column, kind in zip(columns, layout.kinds, strict=True)]
    return None if None in lengths else separators + sum(filter(None, lengths))


def _length(column: pa.Array, kind: Kind) -> int | None:
    if kind is Kind.NUMBER and column.null_count:
        return None
    if kind in (Kind.NUMBER, Kind.NUMBER_OR_NONE):
        return _digits(column.drop_null().to_numpy())
    if kind is Kind.NAME:
        length = pc.binary_length(column.dictionary).to_numpy()
        return int(length[column.indices.to_numpy()].sum())
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)


def _digits(numbers: Numbers) -> int | None:
    """Return how many digits the numbers have together; None if one is not plain."""
    if not len(numbers):
        return 0
    least, largest = int(numbers.min()), int(numbers.max())
    if least < 0 or largest >= 10**MAX_DIGITS:
        return None
    shortest, longest = len(str(least)), len(str(largest))
    longer = (np.count_nonzero(numbers >= 10**k) for k in range(shortest, longest))
    return len(numbers) * shortest + int(sum(longer))
