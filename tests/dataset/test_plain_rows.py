from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.plain_rows import split_plain

FIELD = st.one_of(
    st.integers(0, 10**17).map(str),
    st.text(alphabet="0123456789", max_size=18),
    st.text(alphabet="09:/+- axX.", max_size=10),
)
ROWS = st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=20)


def is_plain(text: str) -> bool:
    return text.isdigit() and str(int(text)) == text and len(text) <= 16


@given(rows=ROWS)
def test_numbers_are_those_that_python_reads_and_writes_the_same(
    rows: list[tuple[str, str]],
) -> None:
    block = split_plain("".join(f"{a},{b}\n" for a, b in rows).encode(), delimiter=",", columns=2)
    for column in (0, 1):
        texts = [row[column] for row in rows]
        values, valid = block.integers(column)
        assert valid.tolist() == [is_plain(text) for text in texts]
        assert values[valid].tolist() == [int(text) for text in texts if is_plain(text)]
        for text in set(texts):
            assert block.equal(column, text.encode()).tolist() == [text == t for t in texts]


LINES = st.lists(st.text(alphabet="a,é\r\t\0\x7f", max_size=6), min_size=1, max_size=12)


@given(lines=LINES)
def test_only_printable_lines_of_the_right_width_are_rows(lines: list[str]) -> None:
    block = split_plain("".join(f"{line}\n" for line in lines).encode(), delimiter=",", columns=2)
    good = [n for n, t in enumerate(lines) if t.count(",") == 1 and set(t) <= set("a,")]
    assert block.line.tolist() == good
    assert block.lines == len(lines)
    place, others = block.other_lines(block.width(0) >= 0)
    rest = [n for n in range(len(lines)) if n not in good]
    assert place.tolist() == rest
    assert others.decode() == "".join(f"{lines[n]}\n" for n in rest)


def test_the_fields_of_chosen_rows_are_their_texts() -> None:
    block = split_plain(b"1,a\n2,bcd\n3,\n", delimiter=",", columns=2)
    assert block.texts(1, block.line[1:]).to_pylist() == ["bcd", ""]
