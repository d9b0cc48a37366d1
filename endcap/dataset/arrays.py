"""Named arrays as files, one ``.npy`` each, so that they can be memory-mapped."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write each array to ``<folder>/<name>.npy``. The bytes depend on the content alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def load_arrays(
    folder: Path, names: Iterable[str], *, memory_map: bool = False
) -> dict[str, NDArray[Any]]:
    """Read arrays that `save_arrays` wrote. An empty array is read, not mapped."""
    return {name: _load(folder / f"{name}.npy", memory_map) for name in names}


def _load(file: Path, memory_map: bool) -> NDArray[Any]:
    if memory_map:
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except ValueError:  # an empty file region cannot be mapped
            pass
    return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]


def concatenate_ptr(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the row pointers of ragged parts laid one after another.

    >>> concatenate_ptr([np.array([0, 2]), np.array([0, 1, 4])]).tolist()
    [0, 2, 3, 6]
    """
    ends = np.cumsum([0, *(int(part[-1]) for part in parts)])
    shifted = [part[1:] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return np.concatenate([np.zeros(1, dtype=np.int64), *shifted])


def run_starts(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each run of equal neighbours begins, int64. `values` must not be empty.

    >>> run_starts(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    begins = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return begins.nonzero()[0]


def stable_order(keys: NDArray[np.int64]) -> NDArray[np.int64]:
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
    packed = keys << bits
    packed |= np.arange(len(keys))
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
