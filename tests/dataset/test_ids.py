import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.ids import as_numbers, as_texts, encode_ids

NUMBERS = st.lists(st.one_of(st.integers(0, 9), st.integers(0, 10**16 - 1)), max_size=9)
TEXTS = st.lists(st.sampled_from(["7", "007", "sku", "é", "9" * 16, "9" * 17, "-1"]), max_size=9)


@given(numbers=NUMBERS, texts=TEXTS)
def test_equal_ids_have_one_code_however_they_came(numbers: list[int], texts: list[str]) -> None:
    codes, names = encode_ids(np.array(numbers, dtype=np.int64), pa.array(texts, pa.string()))
    assert names.take(pa.array(codes)).to_pylist() == [*map(str, numbers), *texts]
    assert len(set(names.to_pylist())) == len(names)


@given(texts=TEXTS)
def test_ids_survive_being_numbers(texts: list[str]) -> None:
    numbers, rest = as_numbers(pa.array(texts, pa.string()))
    assert as_texts(pa.array(numbers), rest).to_pylist() == texts
    assert [n for n in numbers.tolist() if n >= 0] == [
        int(t) for t in texts if t in {"7", "9" * 16}
    ]
