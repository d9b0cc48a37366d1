import io

from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.lines import split_block, whole_lines

LINES = st.lists(st.text(alphabet='ab,"\r', max_size=8).map(str.encode), min_size=1, max_size=20)


@given(lines=LINES, columns=st.integers(1, 4))
def test_splitting_equals_pythons_own_line_by_line(lines: list[bytes], columns: int) -> None:
    block = split_block(b"\n".join(lines) + b"\n", delimiter=",", columns=columns)
    clean = [line.removesuffix(b"\r") for line in lines]
    assert block.lines.to_pylist() == clean
    good = [line.split(b",") for line in clean if line.count(b",") == columns - 1]
    assert list(zip(*(field.to_pylist() for field in block.fields), strict=True)) == [
        tuple(fields) for fields in good
    ]
    assert block.good.tolist() == [line.count(b",") == columns - 1 for line in clean]


@given(lines=LINES, block_bytes=st.integers(1, 12))
def test_blocks_end_with_a_line_and_lose_nothing(lines: list[bytes], block_bytes: int) -> None:
    text = b"\n".join(lines)
    blocks = list(whole_lines(io.BytesIO(text), block_bytes=block_bytes))
    assert all(block.endswith(b"\n") for block in blocks)
    assert b"".join(blocks) == (text if text.endswith(b"\n") or not text else text + b"\n")
