"""Delimited rows that are written plainly, read where they lie: no field is copied to be judged.

Most rows of a sound log are printable ASCII with whole numbers in their shortest spelling. Such a
row's fields are eight bytes of the block at a time, read as one 64-bit word, and a word of digits
becomes a number in six operations on all rows at once. What is not plain is not judged here: it is
handed back as a `RawBatch`, for the rules of `endcap.dataset.validation`.

References
----------
Lemire (2018), Quickly parsing eight digits.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.dataset.lines import byte_spans

Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]

MAX_DIGITS: Final = 16
"""Longer numbers are not read as plain ones."""
_LINE_FEED: Final = 10
_BLANK: Final = 32
_DELETE: Final = 127
_PAD: Final = b"0" * MAX_DIGITS
_BITS: Final = 2**64 - 1


def _words(*values: int) -> Words:
    return np.array(values, dtype=np.uint64)


_LAST_BYTES: Final = _words(*(_BITS & (_BITS << (64 - 8 * n)) if n else 0 for n in range(9)))
"""By n: the mask of a word's last n characters."""
_LEAST: Final = _words(_BITS, 0, *(10**n for n in range(1, MAX_DIGITS)), _BITS)
"""By width: the least number written so; no number is as large as that of a wrong width."""
_ZEROS, _SIX, _HIGH = _words(0x3030303030303030, 0x0606060606060606, 0xF0F0F0F0F0F0F0F0)
_PAIRS, _FOURS, _EIGHT = _words(0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF)
_TEN, _HUNDRED, _MYRIAD, _EIGHT_DIGITS = _words(10, 100, 10_000, 100_000_000)
_ONE_CHARACTER, _TWO_CHARACTERS, _FOUR_CHARACTERS = _words(8, 16, 32)


@dataclass(frozen=True)
class PlainBlock:
    """Some consecutive lines, of which n are printable and have the right count of columns.

    `data`: the block between two paddings. `begins` int64 (n,): where a row begins. `ends` int64
    (n, columns): where the separator after a field lies. `line` int64 (n,): the row's place among
    all `lines` of the block.
    """

    data: bytes
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    line: NDArray[np.int64]
    lines: int

    @cached_property
    def _words(self) -> Words:
        # Overlapping: one word begins at each byte.
        return np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))

    def width(self, column: int) -> NDArray[np.int64]:
        """Return how many bytes each row's field has."""
        return self.ends[:, column] - self.starts(column)

    def starts(self, column: int) -> NDArray[np.int64]:
        """Return where each row's field begins."""
        return self.ends[:, column - 1] + 1 if column else self.begins

    def integers(self, column: int) -> tuple[NDArray[np.int64], Mask]:
        """Return a column's numbers, and which of its fields are one in its shortest spelling.

        Whole numbers from 0 to below 10^16, without sign, blanks or leading zeros.
        """
        end, width = self.ends[:, column], self.width(column)
        value, valid = _numbers(self._words[end - 8], np.minimum(width, 8))
        if len(width) and width.max() > 8:
            high, digits = _numbers(self._words[end - 16], np.clip(width - 8, 0, 8))
            value += high * _EIGHT_DIGITS
            valid &= digits
        valid &= value >= _LEAST[np.minimum(width, MAX_DIGITS + 1)]
        return value.view(np.int64), valid

    def equal(self, column: int, text: bytes) -> Mask:
        """Return which of a column's fields are `text` to the byte."""
        found: Mask = self.width(column) == len(text)
        if len(text) < 8:
            word = int.from_bytes(text.rjust(8, b"\0"), "little")
            tail = self._words[self.ends[:, column] - 8] & _LAST_BYTES[len(text)]
            found &= tail == np.uint64(word)
            return found
        row = np.flatnonzero(found)
        same = np.ones(len(row), dtype=np.bool_)
        for place in (*range(0, len(text) - 8, 8), len(text) - 8):
            word = int.from_bytes(text[place : place + 8], "little")
            same &= self._words[self.starts(column)[row] + place] == np.uint64(word)
        found[row] = same
        return found

    def has_blank_edge(self, column: int, row: NDArray[np.int64]) -> Mask:
        """Return whether the fields of some rows, none of them empty, begin or end with a blank."""
        raw = np.frombuffer(self.data, np.uint8)
        first, last = raw[self.starts(column)[row]], raw[self.ends[row, column] - 1]
        edge: Mask = (first == _BLANK) | (last == _BLANK)
        return edge

    def texts(self, column: int, row: NDArray[np.int64]) -> pa.StringArray:
        """Return the fields of some rows, in ascending order, as a StringArray."""
        spans = byte_spans(self.data, self.starts(column)[row], self.ends[row, column])
        return spans.take(pa.array(np.arange(0, 2 * len(row), 2))).cast(pa.string())

    def other_lines(self, plain: Mask) -> tuple[NDArray[np.int64], bytes]:
        """Return the places of all lines but the `plain` rows, and these lines as a block."""
        other = np.ones(self.lines, dtype=np.bool_)
        other[self.line[plain]] = False
        place = np.flatnonzero(other)
        if not len(place):
            return place, b""
        lines = self.data[len(_PAD) : -len(_PAD)].split(b"\n")
        return place, b"".join(lines[i] + b"\n" for i in place.tolist())


def split_plain(data: bytes, *, delimiter: str, columns: int) -> PlainBlock:
    r"""Split a block that ends with a line feed.

    >>> block = split_plain(b"7,a\n08,b\n1\n", delimiter=",", columns=2)
    >>> [values.tolist() for values in block.integers(0)]
    [[7, 8], [True, False]]
    >>> block.other_lines(block.integers(0)[1])
    (array([1, 2]), b'08,b\n1\n')
    """
    data = b"".join((_PAD, data, _PAD))
    raw = np.frombuffer(data, np.uint8)
    is_feed = raw == _LINE_FEED
    separators = np.flatnonzero(is_feed | (raw == ord(delimiter)))
    last = np.flatnonzero(is_feed[separators])
    good = np.diff(last, prepend=-1) == columns
    printable = np.count_nonzero(raw < _BLANK) == len(last)
    if printable and data.isascii() and b"\x7f" not in data and good.all():
        ends = separators.reshape(len(last), columns)
        begins = np.concatenate([[len(_PAD)], ends[:-1, -1] + 1])
        return PlainBlock(data, begins, ends, np.arange(len(last)), len(last))
    feeds = separators[last]
    odd = ((raw < _BLANK) | (raw >= _DELETE)) & ~is_feed
    good[np.searchsorted(feeds, np.flatnonzero(odd))] = False
    line = np.flatnonzero(good)
    ends = separators[last[line][:, None] + np.arange(1 - columns, 1)]
    begins = np.concatenate([[len(_PAD)], feeds + 1])[line]
    return PlainBlock(data, begins, ends, line, len(last))


def _numbers(word: Words, width: NDArray[np.int64]) -> tuple[Words, Mask]:
    """Return the numbers that the last `width` characters of words spell, and which are digits."""
    # A digit's lower half is its value, and its upper half that of "0".
    digits = (word ^ _ZEROS) & _LAST_BYTES[width]
    valid: Mask = ((digits | (digits + _SIX)) & _HIGH) == 0
    # The first character lies in the lowest byte: pairs, then fours, then all eight.
    digits = (digits * _TEN + (digits >> _ONE_CHARACTER)) & _PAIRS
    digits = (digits * _HUNDRED + (digits >> _TWO_CHARACTERS)) & _FOURS
    digits = (digits * _MYRIAD + (digits >> _FOUR_CHARACTERS)) & _EIGHT
    return digits, valid


__all__ = ["MAX_DIGITS", "Mask", "PlainBlock", "split_plain"]
