"""A file of plain rows, block by block; what is not plain comes out as `RawBatch`es do."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.lines import whole_lines
from endcap.dataset.mapping import FileFormat, FileSet
from endcap.dataset.plain_rows import Mask, PlainBlock, split_plain
from endcap.dataset.reading import (
    RawBatch,
    batch_of_lines,
    file_format,
    open_bytes,
    plain_header,
    readable_or_error,
)

T = TypeVar("T")

_BLOCK_BYTES: Final = 1 << 20
"""What is computed of a block stays in the processor's cache."""


@dataclass(frozen=True)
class PlainRows:
    """A block of a file: its lines, and where the canonical columns are."""

    data: bytes
    position: Mapping[str, int]
    width: int
    delimiter: str
    done: int
    """Rows of the file before the block."""

    @cached_property
    def block(self) -> PlainBlock:
        """The rows. Split when asked for, so that it may be done in another thread."""
        return split_plain(self.data, delimiter=self.delimiter, columns=self.width)

    def numbers(self, row: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row numbers in the file of some rows of the block."""
        return self.block.line[row] + (self.done + 1)

    def others(self, plain: Mask) -> RawBatch | None:
        """Return all lines of the block but the `plain` rows; None if there is no other."""
        place, lines = self.block.other_lines(plain)
        if not lines:
            return None
        return batch_of_lines(
            lines,
            place + (self.done + 1),
            delimiter=self.delimiter,
            width=self.width,
            position=self.position,
        )


def may_be_plain(path: Path, files: FileSet) -> bool:
    """Return whether `read_plain_rows` can read the file: CSV that knows no quotation."""
    return (
        file_format(path, files) is FileFormat.CSV
        and not files.quote
        and files.delimiter.isprintable()
    )


def read_plain_rows(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[PlainRows]:
    """Yield the rows of one file, as `endcap.dataset.reading.read_batches` does its batches."""
    with readable_or_error(path), open_bytes(path) as stream:
        width, position = plain_header(stream, path, files, columns)
        done = 0
        for data in whole_lines(stream, block_bytes=_BLOCK_BYTES):
            yield PlainRows(data, position, width, files.delimiter, done)
            done += data.count(b"\n")


def judged(
    path: Path,
    files: FileSet,
    columns: Mapping[str, str],
    judge: Callable[[PlainRows], T],
    *,
    threads: int,
) -> Iterator[T]:
    """Yield what `judge` says of each block of a file, in order; several blocks at a time."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for rows in read_plain_rows(path, files, columns):
            waiting.append(pool.submit(judge, rows))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
