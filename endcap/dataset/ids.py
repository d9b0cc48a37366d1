"""Ids as numbers where they are written as such: cheaper to keep, to compare and to sort."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_SHORTEST: Final = r"^(0|[1-9][0-9]{0,15})$"
"""What `endcap.dataset.plain_rows` reads as a number, so that an id has one form only."""
_DENSE: Final = 4


def as_numbers(texts: pa.Array) -> tuple[Numbers, pa.Array]:
    """Return ids as numbers, -1 where one is not written so, and the texts of those, else "".

    >>> numbers, texts = as_numbers(pa.array(["7", "007", "sku-7"]))
    >>> numbers.tolist(), texts.to_pylist()
    ([7, -1, -1], ['', '007', 'sku-7'])
    """
    whole = pc.match_substring_regex(texts, _SHORTEST)
    numbers = pc.if_else(whole, texts, "-1").cast(pa.int64())
    return numbers.to_numpy(), pc.if_else(whole, "", texts)


def as_texts(numbers: pa.Array, texts: pa.Array) -> pa.Array:
    """Return the ids of which `as_numbers` made these."""
    written = numbers.cast(pa.string())
    if not pc.any(pc.not_equal(texts, ""), min_count=0).as_py():
        return written
    return pc.if_else(pc.less(numbers, 0), texts, written)


def encode_ids(numbers: Numbers, texts: pa.StringArray) -> tuple[NDArray[np.int32], pa.Array]:
    """Return an int32 code for each id, `numbers` first, then `texts`, and the ids by code.

    An id has one code, whether it is given as a number or as a text.
    """
    present, codes = _dense(numbers)
    names = pa.array(present).cast(pa.string())
    if not len(texts):
        return codes, names
    encoded = texts.dictionary_encode()
    known = pc.index_in(encoded.dictionary, names)
    new = pc.is_null(known)
    fresh = np.cumsum(new.to_numpy(zero_copy_only=False)) - 1 + len(names)
    code = np.where(new, fresh, pc.fill_null(known, 0)).astype(np.int32)
    names = pa.concat_arrays([names, encoded.dictionary.filter(new)])
    return np.concatenate([codes, code[encoded.indices.to_numpy()]]), names


def _dense(numbers: Numbers) -> tuple[Numbers, NDArray[np.int32]]:
    """Return the distinct numbers, ascending, and the place of each one among them."""
    if not len(numbers) or numbers.max() >= max(_DENSE * len(numbers), 1 << 20):
        present, place = np.unique(numbers, return_inverse=True)
        return present, place.astype(np.int32)
    is_there = np.zeros(int(numbers.max()) + 1, dtype=np.bool_)
    is_there[numbers] = True
    rank = np.cumsum(is_there, dtype=np.int32) - np.int32(1)
    codes: NDArray[np.int32] = rank[numbers]
    return np.flatnonzero(is_there).astype(np.int64, copy=False), codes
