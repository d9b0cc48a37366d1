from pathlib import Path

import numpy as np
import pyarrow as pa

from endcap.simulator.writing import LineFile, csv_lines, insert_lines


def test_lines_are_unquoted_and_null_is_empty() -> None:
    lines = csv_lines([np.array([1, 2]), pa.array(["a", "b"]), pa.array([None, 7], pa.int64()), 5])
    assert lines.to_pylist() == ["1,a,,5\n", "2,b,7,5\n"]


def test_extra_lines_go_before_their_rows_in_order() -> None:
    lines = insert_lines(pa.array(["a", "b", "c"]), ["x", "y", "z"], np.array([0, 2, 2]))
    assert lines.to_pylist() == ["x", "a", "b", "y", "z", "c"]


def test_slices_and_empty_arrays_are_written(tmp_path: Path) -> None:
    lines = csv_lines([np.arange(5)])
    with LineFile(tmp_path / "file.csv", "n") as file:
        file.write(lines[1:3])
        file.write(lines[:0])
        file.write(lines[4:])
    assert (tmp_path / "file.csv").read_text() == "n\n1\n2\n4\n"
