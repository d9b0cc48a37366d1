import re

from hypothesis import example, given
from hypothesis import strategies as st

from endcap.dataset.plain_rows import Kind, Layout, PlainBlock, parse_plain

LAYOUT = Layout((Kind.NUMBER, Kind.NAME, Kind.NUMBER_OR_NONE, Kind.TEXT), {}, ",")
NUMBER = r"(0|[1-9][0-9]{0,15})"
PLAIN = re.compile(rf"{NUMBER},[ -+\--~]*,{NUMBER}?,[ -+\--~]*\r?")

# Whatever Arrow might read as a number, each with its own idea of length.
DIGITS = st.one_of(
    st.integers(0, 10**17).map(str),
    st.text(alphabet="0123456789", max_size=18),
    st.text(alphabet="0123456789 +-.eExXaf_\t", max_size=8),
    st.integers(0, 2**60).map(hex),
)
TEXT = st.text(alphabet='ab 1"xX0\t\0\x7fé', max_size=6)
ROW = st.tuples(DIGITS, TEXT, DIGITS | st.just(""), TEXT).map(",".join)
LINE = st.one_of(
    ROW,
    st.tuples(st.integers(0, 99).map(str), st.just("a"), st.just(""), st.just("b")).map(",".join),
    st.text(alphabet="1,a\r", max_size=8),
)


def rows_of(block: PlainBlock) -> list[str]:
    """The rows spelled again from what was parsed."""
    numbers, names, optional, texts = (column.to_pylist() for column in block.columns)
    return [
        f"{number},{name},{'' if other is None else other},{text}"
        for number, name, other, text in zip(numbers, names, optional, texts, strict=True)
    ]


@given(lines=st.lists(LINE, min_size=1, max_size=12))
@example(lines=["1,a,,b", "2,a,7,b"])
@example(lines=["1,a,,b", ""])
@example(lines=["0xFFFFFFFFFFFF,a,,b", "0007,a,,b"])
@example(lines=["1,a,,b\r2,a,,b"])
@example(lines=["1,a,,b\r", "2,a,,b\r"])
def test_exactly_the_plain_lines_are_rows_and_each_is_read_as_it_is_spelled(
    lines: list[str],
) -> None:
    block = parse_plain("".join(f"{line}\n" for line in lines).encode(), LAYOUT)
    plain = [n for n, line in enumerate(lines) if PLAIN.fullmatch(line)]
    assert block.line.tolist() == plain
    assert rows_of(block) == [lines[n].removesuffix("\r") for n in plain]
    assert block.lines == len(lines)
    place, others = block.other_lines(block.numbers(0) >= 0)
    rest = [n for n in range(len(lines)) if n not in plain]
    assert place.tolist() == rest
    assert others.decode() == "".join(f"{lines[n]}\n" for n in rest)


def test_a_number_that_is_not_there_is_minus_one() -> None:
    assert parse_plain(b"1,a,,b\n2,a,7,b\n", LAYOUT).numbers(2).tolist() == [-1, 7]


def test_the_delimiter_may_mean_something_in_a_pattern() -> None:
    layout = Layout((Kind.NUMBER, Kind.TEXT), {}, "|")
    block = parse_plain(b"1|a\n02|b\n3|c,d\n", layout)
    assert [column.to_pylist() for column in block.columns] == [[1, 3], ["a", "c,d"]]
