"""Raw files as batches of text columns, whatever their format, with exact row numbers."""

import csv
import gzip
import io
import json
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.dataset.lines import line_feeds, split_block, whole_lines
from endcap.dataset.mapping import FileFormat, FileSet
from endcap.dataset.quarantine import BadRow, readable
from endcap.errors import DatasetError

ROWS_PER_BATCH: Final = 65_536


@dataclass(frozen=True)
class RawBatch:
    """Rows as read.

    `row_number` int64 (n,), 1 = first data row; `columns`: StringArrays (n,) by the canonical name,
    null = absent; `lines`: the rows as they were, str or bytes (n,); `bad`: other rows, that could
    not be split into columns.
    """

    row_number: NDArray[np.int64]
    columns: Mapping[str, Any]
    lines: Sequence[Any]
    bad: Sequence[BadRow]

    @property
    def rows(self) -> int:
        """How many rows of the file this batch stands for, the bad ones included."""
        return len(self.row_number) + len(self.bad)

    def reject(self, index: int, reason: str) -> BadRow:
        """Return row `index` of this batch as a bad row."""
        line = self.lines[index]
        raw = line.as_py() if isinstance(line, pa.Scalar) else line
        return BadRow(int(self.row_number[index]), reason, readable(raw))


def find_files(raw: Path, files: FileSet) -> list[Path]:
    """Return the files below `raw` that match, each once, in the order of their names.

    A gzipped copy beside the file itself is not read again.
    """
    found = {path for pattern in files.files for path in raw.glob(pattern) if path.is_file()}
    return sorted(
        path for path in found if path.suffix != ".gz" or path.with_suffix("") not in found
    )


def file_format(path: Path, files: FileSet) -> FileFormat:
    """Return the format of a file, stated or told from its name. Raises `DatasetError`."""
    if files.format is not None:
        return files.format
    name = path.name.removesuffix(".gz")
    for ending, kind in {
        ".csv": FileFormat.CSV,
        ".tsv": FileFormat.CSV,
        ".parquet": FileFormat.PARQUET,
        ".jsonl": FileFormat.JSON_LINES,
        ".ndjson": FileFormat.JSON_LINES,
    }.items():
        if name.endswith(ending):
            return kind
    raise DatasetError(
        f"{path.name}: cannot tell its format; set `format` to csv, parquet or jsonl"
    )


def read_batches(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[RawBatch]:
    """Yield the rows of one file.

    `columns`: canonical name -> the file's own column name. Raises `DatasetError` when the file
    cannot be read at all or lacks one of the columns.
    """
    readers = {
        FileFormat.CSV: _read_quoted_csv if files.quote else _read_plain_csv,
        FileFormat.PARQUET: _read_parquet,
        FileFormat.JSON_LINES: _read_json_lines,
    }
    with readable_or_error(path):
        yield from readers[file_format(path, files)](path, files, columns)


def raw_rows(
    path: Path, files: FileSet, columns: Mapping[str, str], numbers: Sequence[int]
) -> list[str]:
    """Return the readable text of some usable rows of a file, by ascending row number.

    The file is read again, as far as needed: for what is rare and need not wait in memory.
    """
    if file_format(path, files) is FileFormat.CSV and not files.quote:
        return _raw_lines(path, numbers)
    wanted = np.asarray(numbers, dtype=np.int64)
    found: list[str] = []
    for batch in read_batches(path, files, columns):
        _, place, _ = np.intersect1d(batch.row_number, wanted, return_indices=True)
        found += [batch.reject(i, "").raw for i in place.tolist()]
        if len(found) == len(wanted):
            break
    return found


def _raw_lines(path: Path, numbers: Sequence[int]) -> list[str]:
    found: list[str] = []
    with readable_or_error(path), open_bytes(path) as stream:
        stream.readline()
        done = 0
        for data in whole_lines(stream):
            stop = done + data.count(b"\n")
            here = [n - done - 1 for n in numbers[len(found) : bisect_right(numbers, stop)]]
            feeds = line_feeds(data) if here else ()
            lines = (data[feeds[i - 1] + 1 if i else 0 : feeds[i]] for i in here)
            found += [readable(line.removesuffix(b"\r")) for line in lines]
            done = stop
            if len(found) == len(numbers):
                break
    return found


@contextmanager
def readable_or_error(path: Path) -> Iterator[None]:
    """Turn what a library says of an unreadable file into a `DatasetError`."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as exc:
        first_line = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise DatasetError(f"{path.name}: cannot be read: {first_line}") from exc


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, gzipped or not."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        yield stream  # type: ignore[misc]


def _header(stream: IO[bytes], path: Path, delimiter: str, quote: str) -> list[str]:
    line = stream.readline()
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetError(f"{path.name}: is UTF-16 text; save it as UTF-8")
    text = line.decode("utf-8-sig", "backslashreplace").strip("\r\n")
    names = next(csv.reader([text], delimiter=delimiter), []) if quote else text.split(delimiter)
    return [name.strip() for name in names]


def _require(columns: Mapping[str, str], header: Sequence[str], path: Path) -> dict[str, int]:
    """Return the position of each canonical column in the header. Raises `DatasetError`."""
    if not any(header):
        raise DatasetError(f"{path.name}: is empty; its first line must name the columns")
    missing = [own for own in columns.values() if own not in header]
    if missing:
        there = ", ".join(name[:40] for name in header[:20])
        raise DatasetError(f"{path.name}: has no column {missing[0]!r}; its columns are: {there}")
    return {name: header.index(own) for name, own in columns.items()}


def _is_text(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in line


def _readable_lines(data: bytes, lines: pa.Array) -> NDArray[np.bool_]:
    """Return which lines are UTF-8 without NUL; the common case costs one look at the block."""
    if _is_text(data):
        return np.ones(len(lines), dtype=np.bool_)
    return np.fromiter((_is_text(line) for line in lines.to_pylist()), np.bool_, len(lines))


def plain_header(
    stream: IO[bytes], path: Path, files: FileSet, columns: Mapping[str, str]
) -> tuple[int, dict[str, int]]:
    """Return how many columns the header of a CSV file has, and where the canonical ones are."""
    header = _header(stream, path, files.delimiter, files.quote)
    return len(header), _require(columns, header, path)


def batch_of_lines(
    data: bytes,
    numbers: NDArray[np.int64],
    *,
    delimiter: str,
    width: int,
    position: Mapping[str, int],
) -> RawBatch:
    """Return lines without quotation, `numbers` theirs, as a batch of `width` columns."""
    block = split_block(data, delimiter=delimiter, columns=width)
    text = _readable_lines(data, block.lines)
    usable = block.good & text
    bad = [
        BadRow(
            int(numbers[i]),
            "bad_encoding" if block.good[i] else "wrong_column_count",
            readable(block.lines[i].as_py()),
        )
        for i in np.flatnonzero(~usable).tolist()
    ]
    keep = pa.array(text[block.good])
    return RawBatch(
        row_number=numbers[usable],
        columns={
            name: block.fields[at].filter(keep).cast(pa.string()) for name, at in position.items()
        },
        lines=block.lines.filter(pa.array(usable)),
        bad=bad,
    )


def _read_plain_csv(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[RawBatch]:
    with open_bytes(path) as stream:
        width, position = plain_header(stream, path, files, columns)
        done = 0
        for data in whole_lines(stream):
            numbers = np.arange(done + 1, done + 1 + data.count(b"\n"), dtype=np.int64)
            done += len(numbers)
            yield batch_of_lines(
                data, numbers, delimiter=files.delimiter, width=width, position=position
            )


def _read_quoted_csv(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[RawBatch]:
    with open_bytes(path) as stream:
        header = _header(stream, path, files.delimiter, files.quote)
        position = _require(columns, header, path)
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
        rows = csv.reader(text, delimiter=files.delimiter, quotechar=files.quote)
        done = 0
        while True:
            try:
                chunk = list(islice(rows, ROWS_PER_BATCH))
            except csv.Error as exc:
                raise DatasetError(
                    f"{path.name}: a quotation mark is never closed, by line {rows.line_num}: {exc}"
                ) from exc
            if not chunk:
                return
            yield _batch_of_rows(chunk, done, len(header), position, files.delimiter)
            done += len(chunk)


def _batch_of_rows(
    rows: list[list[str]], done: int, width: int, position: Mapping[str, int], delimiter: str
) -> RawBatch:
    numbers, kept, lines, bad = [], [], [], []
    for number, row in enumerate(rows, start=done + 1):
        line = delimiter.join(row)
        if len(row) != width:
            bad.append(BadRow(number, "wrong_column_count", readable(line)))
        elif not _is_text(line.encode("utf-8", "surrogateescape")):
            raw = line.encode("utf-8", "surrogateescape")
            bad.append(BadRow(number, "bad_encoding", readable(raw)))
        else:
            numbers.append(number)
            kept.append(row)
            lines.append(line)
    columns = {name: pa.array([r[at] for r in kept], pa.string()) for name, at in position.items()}
    return RawBatch(np.asarray(numbers, dtype=np.int64), columns, lines, bad)


def _read_json_lines(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[RawBatch]:  # noqa: ARG001
    """Read objects, one a line; a column name with dots reaches into nested ones."""
    with open_bytes(path) as stream:
        done = 0
        while chunk := list(islice(stream, ROWS_PER_BATCH)):
            numbers, kept, lines, bad = [], [], [], []
            for number, raw in enumerate(chunk, start=done + 1):
                line = raw.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf" if number == 1 else b"")
                record = _json_object(line)
                if isinstance(record, str):
                    bad.append(BadRow(number, record, readable(line)))
                    continue
                numbers.append(number)
                kept.append(record)
                lines.append(line)
            done += len(chunk)
            values = {name: [_reach(r, own) for r in kept] for name, own in columns.items()}
            texts = {name: pa.array(column, pa.string()) for name, column in values.items()}
            yield RawBatch(np.asarray(numbers, dtype=np.int64), texts, lines, bad)


def _json_object(line: bytes) -> dict[str, Any] | str:
    """Return the object on a line, or the reason why there is none."""
    if not _is_text(line):
        return "bad_encoding"
    try:
        record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return "bad_json"
    return record if isinstance(record, dict) else "bad_json"


def _reach(record: Mapping[str, Any], name: str) -> str | None:
    value: Any = record.get(name)
    if value is None and "." in name:
        value = record
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value if value is None else value.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(value, sort_keys=True)


def _read_parquet(path: Path, files: FileSet, columns: Mapping[str, str]) -> Iterator[RawBatch]:  # noqa: ARG001
    with pq.ParquetFile(path) as source:
        _require(columns, source.schema_arrow.names, path)
        wanted = list(dict.fromkeys(columns.values()))
        done = 0
        for batch in source.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            texts = {own: _as_text(batch.column(own)) for own in wanted}
            lines = pc.binary_join_element_wise(
                *[pc.fill_null(texts[own], "") for own in wanted], ","
            )
            yield RawBatch(
                row_number=np.arange(done + 1, done + 1 + batch.num_rows, dtype=np.int64),
                columns={name: texts[own] for name, own in columns.items()},
                lines=lines,
                bad=(),
            )
            done += batch.num_rows


def _as_text(column: pa.Array) -> pa.Array:
    """Return a typed column as text; a time becomes its epoch milliseconds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # Straight to a count, so that no text form of a time has to be parsed again.
        utc = column.cast(pa.timestamp("ms", tz=getattr(kind, "tz", None)), safe=False)
        return utc.cast(pa.int64()).cast(pa.string())
    return column.cast(pa.string())


def has_typed_times(path: Path, files: FileSet, column: str) -> bool:
    """Return whether a Parquet column holds times, which `read_batches` gives as milliseconds."""
    if file_format(path, files) is not FileFormat.PARQUET:
        return False
    try:
        kind = pq.read_schema(path).field(column).type
    except (OSError, KeyError, pa.ArrowException):
        return False  # `read_batches` says what is wrong with the file
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
