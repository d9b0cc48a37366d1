"""A file of plain rows, block by block; what is not plain comes out as `RawBatch`es do."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from endcap.dataset.lines import whole_lines
from endcap.dataset.mapping import FileFormat, FileSet
from endcap.dataset.plain_rows import Kind, Layout, Mask, Numbers, PlainBlock, parse_plain
from endcap.dataset.reading import (
    RawBatch,
    batch_of_lines,
    file_format,
    open_bytes,
    plain_header,
    readable_or_error,
)

T = TypeVar("T")

_BLOCK_BYTES: Final = 4 << 20
_LINE_FEED: Final = 10


@dataclass(frozen=True)
class PlainRows:
    """A block of a file, parsed, and how its lines are laid out."""

    block: PlainBlock
    layout: Layout
    done: int
    """Rows of the file before the block."""

    def numbers(self, row: Numbers) -> Numbers:
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
            delimiter=self.layout.delimiter,
            width=len(self.layout.kinds),
            position=self.layout.position,
        )


def may_be_plain(path: Path, files: FileSet, columns: Mapping[str, str]) -> bool:
    """Return whether `judged` can read the file: CSV that knows no quotation."""
    return (
        file_format(path, files) is FileFormat.CSV
        and not files.quote
        and files.delimiter.isascii()
        and files.delimiter.isprintable()
        and len(set(columns.values())) == len(columns)
    )


def judged(
    path: Path,
    files: FileSet,
    columns: Mapping[str, str],
    kinds: Mapping[str, Kind],
    judge: Callable[[PlainRows], T],
    *,
    threads: int,
) -> Iterator[T]:
    """Yield what `judge` says of each block of a file, in order; several blocks at a time.

    `columns`: as for `endcap.dataset.reading.read_batches`; `kinds`: what they hold.
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for data, layout, done in _read_blocks(path, files, columns, kinds):
            waiting.append(pool.submit(_judge, judge, data, layout, done))
            if len(waiting) > threads + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _judge(judge: Callable[[PlainRows], T], data: bytes, layout: Layout, done: int) -> T:
    return judge(PlainRows(parse_plain(data, layout), layout, done))


def _read_blocks(
    path: Path, files: FileSet, columns: Mapping[str, str], kinds: Mapping[str, Kind]
) -> Iterator[tuple[bytes, Layout, int]]:
    """Yield the lines of each block, how they are laid out, and the rows of the file before it."""
    with readable_or_error(path), open_bytes(path) as stream:
        width, position = plain_header(stream, path, files, columns)
        kind = {place: kinds[name] for name, place in position.items()}
        layout = Layout(
            tuple(kind.get(place, Kind.TEXT) for place in range(width)), position, files.delimiter
        )
        done = 0
        for data in whole_lines(stream, block_bytes=_BLOCK_BYTES):
            yield data, layout, done
            done += int(np.count_nonzero(np.frombuffer(data, np.uint8) == _LINE_FEED))
