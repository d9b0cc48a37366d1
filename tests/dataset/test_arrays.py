from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.dataset.arrays import (
    concatenate_ptr,
    load_arrays,
    map_array,
    narrow,
    save_arrays,
    stable_order,
)


@pytest.mark.parametrize("memory_map", [True, False])
def test_arrays_come_back_with_their_dtype_and_shape(tmp_path: Path, memory_map: bool) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "codes": np.array([3, -1], dtype=np.int32),
        "matrix": np.arange(6, dtype=np.float32).reshape(3, 2).T,
        "empty": np.zeros((0, 4), dtype=np.float64),
    }
    save_arrays(tmp_path / "deep" / "er", arrays)

    loaded = load_arrays(tmp_path / "deep" / "er", arrays, memory_map=memory_map)

    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert np.array_equal(loaded[name], array)
    assert loaded["codes"].flags.writeable is not memory_map


def test_the_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    matrix = np.arange(6).reshape(2, 3)
    save_arrays(tmp_path / "a", {"m": matrix})
    save_arrays(tmp_path / "b", {"m": np.asfortranarray(matrix)})

    assert (tmp_path / "a" / "m.npy").read_bytes() == (tmp_path / "b" / "m.npy").read_bytes()


def test_objects_are_no_arrays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_arrays(tmp_path, {"names": np.array([{}], dtype=object)})


def test_pointers_of_parts_are_laid_one_after_another() -> None:
    parts = [np.array(part, dtype=np.int64) for part in ([0, 2], [0], [0, 0, 3])]

    assert concatenate_ptr(parts).tolist() == [0, 2, 2, 5]
    assert concatenate_ptr(parts[1:2]).tolist() == [0]
    assert concatenate_ptr(parts).dtype == np.int64


def test_a_mapped_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    save_arrays(tmp_path, {"m": np.arange(100)})
    file = tmp_path / "m.npy"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"m\.npy is cut short"):
        map_array(file)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("largest", [3, 2**31 - 1])
def test_equal_keys_keep_their_order_however_many_there_are(dtype: type, largest: int) -> None:
    keys: NDArray[Any] = np.random.default_rng(1).integers(0, largest, 100_000).astype(dtype)
    assert np.array_equal(stable_order(keys), np.argsort(keys, kind="stable"))


def test_keys_too_large_to_be_packed_are_sorted_too() -> None:
    keys = np.array([2**62, 5, 2**62, 0])
    assert stable_order(keys).tolist() == [3, 1, 0, 2]


def test_numbers_are_narrowed_only_where_nothing_is_lost() -> None:
    for edge in (2**31 - 1, -(2**31)):
        assert narrow(np.array([edge])).dtype == np.int32
        assert narrow(np.array([edge])).tolist() == [edge]
    for beyond in (2**31, -(2**31) - 1):
        assert narrow(np.array([0, beyond])).tolist() == [0, beyond]
    assert narrow(np.array([7], dtype=np.int8)).dtype == np.int8
    assert narrow(np.empty(0, dtype=np.int64)).dtype == np.int32
