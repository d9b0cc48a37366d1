import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.dataset.mapping import FileFormat, FileSet, TimeUnit
from endcap.dataset.reading import file_format, find_files, has_typed_times, read_batches
from endcap.errors import DatasetError

PLAIN = FileSet(files=("*",), quote="")
QUOTED = FileSet(files=("*",))
COLUMNS = {"user": "u", "item": "i"}


def read(path: Path, files: FileSet = PLAIN) -> tuple[list[tuple[Any, ...]], list[tuple[int, str]]]:
    """Good rows as (row number, user, item), bad ones as (row number, reason)."""
    good, bad = [], []
    for batch in read_batches(path, files, COLUMNS):
        texts = [batch.columns[name].to_pylist() for name in COLUMNS]
        good += list(zip(batch.row_number.tolist(), *texts, strict=True))
        bad += [(row.row_number, row.reason) for row in batch.bad]
    return good, bad


def put(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("files", [PLAIN, QUOTED], ids=["plain", "quoted"])
@pytest.mark.parametrize(
    "content",
    [
        b"u,i\n1,a\n2,b\n",
        b"u,i\r\n1,a\r\n2,b\r\n",
        b"\xef\xbb\xbfu,i\n1,a\n2,b",
        b" u , i \n1,a\n2,b",
    ],
    ids=["unix", "windows", "byte order mark, no last line feed", "blanks in the header"],
)
def test_line_ends_and_marks_do_not_change_what_is_read(
    tmp_path: Path, content: bytes, files: FileSet
) -> None:
    assert read(put(tmp_path, "a.csv", content), files) == ([(1, "1", "a"), (2, "2", "b")], [])


def test_columns_are_found_by_name_whatever_their_order(tmp_path: Path) -> None:
    assert read(put(tmp_path, "a.csv", b"i,x,u\na,?,1\n"))[0] == [(1, "1", "a")]


def test_a_stray_quotation_mark_swallows_no_row(tmp_path: Path) -> None:
    good, bad = read(put(tmp_path, "a.csv", b'u,i\n1,"a\n2,b\n3,"c"\n'))
    assert good == [(1, "1", '"a'), (2, "2", "b"), (3, "3", '"c"')]
    assert bad == []


def test_quoted_fields_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    content = b'u,i\n"1,5","a\nb"\nshort\n2,"say ""hi"""\n'
    good, bad = read(put(tmp_path, "a.csv", content), QUOTED)
    assert good == [(1, "1,5", "a\nb"), (3, "2", 'say "hi"')]
    assert bad == [(2, "wrong_column_count")]


def test_a_quote_that_is_never_closed_is_one_clear_error(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b'u,i\n1,"' + b"x" * 200_000)
    with pytest.raises(DatasetError, match=r"a\.csv: a quotation mark is never closed"):
        read(path, QUOTED)


@pytest.mark.parametrize("files", [PLAIN, QUOTED], ids=["plain", "quoted"])
def test_bad_bytes_spoil_only_their_own_row(tmp_path: Path, files: FileSet) -> None:
    content = "u,i\nä,ö\n".encode() + b"\xff,b\n1\0,c\n\xff\n2,d\n"
    good, bad = read(put(tmp_path, "a.csv", content), files)
    assert good == [(1, "ä", "ö"), (5, "2", "d")]
    assert bad == [(2, "bad_encoding"), (3, "bad_encoding"), (4, "wrong_column_count")]


def test_row_numbers_hold_across_blocks_and_a_line_longer_than_a_block(tmp_path: Path) -> None:
    long = b"x" * (9 << 20)
    path = put(tmp_path, "a.csv", b"u,i\n1,a\n" + long + b"\n" + b"2,b\n" * 3)
    good, bad = read(path)
    assert good == [(1, "1", "a"), (3, "2", "b"), (4, "2", "b"), (5, "2", "b")]
    assert bad == [(2, "wrong_column_count")]


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv.gz", gzip.compress(b"u,i\n1,a\n"))
    assert read(path) == ([(1, "1", "a")], [])


def test_a_truncated_gzip_file_is_one_clear_error(tmp_path: Path) -> None:
    whole = gzip.compress(bytes(range(256)) * 400 + b"u,i\n1,a\n" * 1000)
    with pytest.raises(DatasetError, match=r"a\.csv\.gz: (cannot be read|has no column)"):
        read(put(tmp_path, "a.csv.gz", whole[: len(whole) // 2]))


def test_json_lines_reach_into_objects_and_refuse_what_is_no_object(tmp_path: Path) -> None:
    content = (
        b'{"u": 7, "i": {"id": "a"}}\n[1]\n{"u": \n\n{"u": "\xff"}\n{"u": 1.5, "other": true}\n'
    )
    path = put(tmp_path, "a.jsonl", content)
    (batch,) = read_batches(path, PLAIN, {"user": "u", "item": "i.id"})
    assert batch.columns["user"].to_pylist() == ["7", "1.5"]
    assert batch.columns["item"].to_pylist() == ["a", None]
    assert batch.row_number.tolist() == [1, 6]
    assert [(row.row_number, row.reason) for row in batch.bad] == [
        (2, "bad_json"),
        (3, "bad_json"),
        (4, "bad_json"),
        (5, "bad_encoding"),
    ]


def test_parquet_columns_of_any_type_become_text_and_times_milliseconds(tmp_path: Path) -> None:
    table = pa.table(
        {
            "u": pa.array([7, None], pa.int64()),
            "i": pa.array(["a", "b"]).dictionary_encode(),
            "t": pa.array([datetime(2015, 6, 1, tzinfo=UTC)] * 2, pa.timestamp("ns", tz="UTC")),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (batch,) = read_batches(tmp_path / "a.parquet", PLAIN, {**COLUMNS, "time": "t"})
    assert batch.columns["user"].to_pylist() == ["7", None]
    assert batch.columns["item"].to_pylist() == ["a", "b"]
    assert batch.columns["time"].to_pylist() == ["1433116800000"] * 2
    assert has_typed_times(tmp_path / "a.parquet", PLAIN, "t")
    assert not has_typed_times(tmp_path / "a.parquet", PLAIN, "u")


def test_a_damaged_parquet_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.parquet: cannot be read"):
        read(put(tmp_path, "a.parquet", b"PAR1 this is none"))


def test_a_missing_parquet_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"u": ["1"]}), tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="has no column 'i'; its columns are: u"):
        read(tmp_path / "a.parquet")


def test_an_unknown_ending_needs_a_stated_format(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="set `format`"):
        file_format(tmp_path / "a.log", PLAIN)
    stated = FileSet(files=("*",), format=FileFormat.JSON_LINES)
    assert file_format(tmp_path / "a.log", stated) is FileFormat.JSON_LINES


def test_files_are_found_once_in_order_and_not_again_gzipped(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "a.csv.gz", "c.csv.gz", "d.txt"):
        (tmp_path / name).touch()
    found = find_files(tmp_path, FileSet(files=("*.csv", "a*", "*.csv.gz")))
    assert [path.name for path in found] == ["a.csv", "b.csv", "c.csv.gz"]


def test_time_units_are_spelled_as_documented() -> None:
    assert [unit.value for unit in TimeUnit] == ["s", "ms", "us", "ns", "iso"]
