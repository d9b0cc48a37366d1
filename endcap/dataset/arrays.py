"""Named arrays as files, one ``.npy`` each, so that they can be memory-mapped."""

from collections.abc import Iterable, Mapping, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_PACKED_AT_ONCE: Final = 1 << 15


def save_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write each array to ``<folder>/<name>.npy``. The bytes depend on the content alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def map_array(file: Path) -> NDArray[Any]:
    """Return an array of a ``.npy`` file, mapped read-only; an empty one is read.

    A plain array over the mapping: `numpy.memmap` is twice as slow to open and to index. Raises
    `FileNotFoundError`, and `ValueError` for what is no such file.
    """
    with file.open("rb") as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read_header(stream)
        start = stream.tell()
        if 0 in shape:
            return np.empty(shape, dtype=dtype)
        pages = mmap(stream.fileno(), 0, access=ACCESS_READ)
    try:
        return np.ndarray(shape, dtype, pages, start, order="F" if is_fortran else "C")
    except TypeError as exc:
        raise ValueError(f"{file} is cut short: {exc}") from exc


def load_arrays(
    folder: Path, names: Iterable[str], *, memory_map: bool = False
) -> dict[str, NDArray[Any]]:
    """Read arrays that `save_arrays` wrote, or map them: see `map_array`."""
    return {name: _load(folder / f"{name}.npy", memory_map) for name in names}


def _load(file: Path, memory_map: bool) -> NDArray[Any]:
    return map_array(file) if memory_map else np.load(file, allow_pickle=False)


def concatenate_ptr(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the row pointers of ragged parts laid one after another.

    >>> concatenate_ptr([np.array([0, 2]), np.array([0, 1, 4])]).tolist()
    [0, 2, 3, 6]
    """
    ends = np.cumsum([0, *(int(part[-1]) for part in parts)])
    shifted = [part[1:] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return np.concatenate([np.zeros(1, dtype=np.int64), *shifted])


def narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return int64 as int32 if all of them fit: half the memory for what has to wait.

    >>> narrow(np.array([7])).dtype, narrow(np.array([2**31])).dtype
    (dtype('int32'), dtype('int64'))
    """
    if values.itemsize <= 4:
        return values
    limits = np.iinfo(np.int32)
    if len(values) and not limits.min <= values.min() <= values.max() <= limits.max:
        return values
    return values.astype(np.int32)


def equals_neighbour(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values equal the one before or after them, bool (n,).

    >>> equals_neighbour(np.array([4, 4, 7])).tolist()
    [True, True, False]
    """
    same = values[1:] == values[:-1]
    equal = np.zeros(len(values), dtype=np.bool_)
    equal[1:] = same
    equal[:-1] |= same
    return equal


def begins_run(*keys: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which rows differ from the one before them in any of the keys, bool (n,).

    >>> begins_run(np.array([4, 4, 7]), np.array([1, 2, 2])).tolist()
    [True, True, True]
    """
    begins = np.ones(len(keys[0]), dtype=np.bool_)
    begins[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return begins


def places_in_runs(*keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how many neighbours before each row have the same keys, int64 (n,).

    >>> places_in_runs(np.array([4, 4, 7, 4])).tolist()
    [0, 1, 0, 0]
    """
    place = np.arange(len(keys[0]))
    return place - np.maximum.accumulate(np.where(begins_run(*keys), place, 0))


def run_starts(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each run of equal neighbours begins, int64. `values` must not be empty.

    >>> run_starts(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    begins = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return begins.nonzero()[0]


def ptr_of(rows: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return the row pointers of entries whose rows, never falling, are given, int64 (n_rows + 1,).

    >>> ptr_of(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    if n_rows == 1:
        return np.asarray([0, len(rows)], dtype=np.int64)
    return rows.searchsorted(np.arange(n_rows + 1)).astype(np.int64)


def expand_rows(
    ptr: NDArray[np.int64], rows: NDArray[np.int64] | NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return all entries of some rows of a compressed sparse row form, row by row.

    Of each, which of `rows` it belongs to, its place, and its step within the row; int64 (m,).

    >>> [part.tolist() for part in expand_rows(np.array([0, 2, 2, 3]), np.array([2, 0]))]
    [[0, 1, 1], [2, 0, 1], [0, 0, 1]]
    """
    if len(rows) == 1:
        start, stop = int(ptr[rows[0]]), int(ptr[rows[0] + 1])
        step = np.arange(stop - start)
        return np.zeros(stop - start, dtype=np.int64), step + start, step
    start_of = ptr[rows]
    size = ptr[rows + 1] - start_of
    owner = np.repeat(np.arange(len(size)), size)
    step = np.arange(len(owner)) - (np.cumsum(size) - size)[owner]
    return owner, start_of[owner] + step, step


def stable_order(keys: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Return what sorts `keys`, none of them negative, equal ones as they come; int64 (n,).

    Where a key and its place fit into one number together, sorting these numbers is several times
    as fast as a stable sort.

    >>> stable_order(np.array([7, 3, 7])).tolist()
    [1, 0, 2]
    """
    if not len(keys) or not (keys[1:] < keys[:-1]).any():
        return np.arange(len(keys))
    bits = len(keys).bit_length()
    if int(keys.max()).bit_length() + bits > 63:
        return np.argsort(keys, kind="stable")
    packed = np.empty(len(keys), dtype=np.int64)
    # A few at a time: another array of this size would take longer to come by than to fill.
    for start in range(0, len(keys), _PACKED_AT_ONCE):
        some = packed[start : start + _PACKED_AT_ONCE]
        some[:] = keys[start : start + _PACKED_AT_ONCE]
        some <<= bits
        some |= np.arange(start, start + len(some))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def rows_of(ptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row that each entry of a compressed sparse row form belongs to, int64 (m,).

    >>> rows_of(np.array([0, 2, 2, 3])).tolist()
    [0, 0, 2]
    """
    if len(ptr) == 2:
        return np.zeros(int(ptr[1] - ptr[0]), dtype=np.int64)
    return np.repeat(np.arange(len(ptr) - 1, dtype=np.int64), ptr[1:] - ptr[:-1])
