"""CSV lines by the million: Arrow joins the columns, and the joined buffer is the file."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Column: TypeAlias = NDArray[Any] | pa.Array | str | int


def csv_lines(columns: Sequence[Column]) -> pa.Array:
    """Return an Arrow string array with one line a row, ended by a newline.

    `columns`: Arrow arrays, NumPy arrays or scalars; null becomes the empty field. Nothing is
    quoted, so no text may hold a comma, a quote or a line break.
    """
    texts = [_as_text(column) for column in columns]
    joined = pc.binary_join_element_wise(*texts, ",", null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise(joined, "", "\n")


def insert_lines(lines: pa.Array, extra: Sequence[str], before: NDArray[np.int64]) -> pa.Array:
    """Return `lines` with each of `extra` put in before the row (index, ascending) given for it."""
    if not extra:
        return lines
    order = np.argsort(np.concatenate([np.arange(len(lines)) * 2 + 1, before * 2]), kind="stable")
    return pa.concat_arrays([lines, pa.array(extra, pa.string())]).take(pa.array(order))


class LineFile:
    """A text file that is written in Arrow string arrays, one line an element."""

    def __init__(self, path: Path, header: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._file.write(header.encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, lines: pa.Array) -> None:
        """Append the lines."""
        if not len(lines):
            return
        _, offsets, data = lines.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
        self._file.write(memoryview(data)[int(ends[0]) : int(ends[-1])])


def _as_text(column: Column) -> pa.Array:
    if isinstance(column, str | int):
        return pa.scalar(str(column))
    array = pa.array(column) if isinstance(column, np.ndarray) else column
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
