import numpy as np
import pyarrow as pa
import pytest

from endcap.columns import ITEM_ID, PROPERTY, VALID_FROM, VALUE
from endcap.dataset.mapping import TimeUnit
from endcap.dataset.reading import RawBatch
from endcap.dataset.validation import TimeBounds, check_properties, parse_times

MOMENT = 1_433_116_800_123
"""2015-06-01 00:00:00.123 UTC."""


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (TimeUnit.MILLISECONDS, "1433116800123"),
        (TimeUnit.MILLISECONDS, " 1433116800123.0 "),
        (TimeUnit.MILLISECONDS, "+1433116800123"),
        (TimeUnit.SECONDS, "1433116800.123"),
        (TimeUnit.SECONDS, "1433116800.1239"),
        (TimeUnit.MICROSECONDS, "1433116800123999"),
        (TimeUnit.NANOSECONDS, "1433116800123999999"),
        (TimeUnit.ISO, "2015-06-01T00:00:00.123Z"),
        (TimeUnit.ISO, "2015-06-01 02:00:00.123+02:00"),
        (TimeUnit.ISO, "2015-06-01T00:00:00.123"),
    ],
)
def test_each_unit_reads_the_same_moment(unit: TimeUnit, text: str) -> None:
    assert parse_times(pa.array([text]), unit).to_pylist() == [MOMENT]
    # A damaged neighbour sends the column down another path, which must agree.
    assert parse_times(pa.array([text, "?"]), unit).to_pylist() == [MOMENT, None]


@pytest.mark.parametrize("unit", list(TimeUnit))
@pytest.mark.parametrize("text", ["", "soon", "12x", "1e12", "0x1F", "9" * 30, "-", ".", "nan"])
def test_what_is_no_time_is_null(unit: TimeUnit, text: str) -> None:
    assert parse_times(pa.array([text]), unit).to_pylist() == [None]


@pytest.mark.parametrize("unit", list(TimeUnit))
def test_an_empty_column_and_a_null_are_fine(unit: TimeUnit) -> None:
    assert parse_times(pa.array([], pa.string()), unit).to_pylist() == []
    assert parse_times(pa.array([None], pa.string()), unit).to_pylist() == [None]


def test_times_before_1970_are_floored_like_later_ones() -> None:
    assert parse_times(pa.array(["1969-12-31T23:59:59.5Z"]), TimeUnit.ISO).to_pylist() == [-500]


def property_reason(
    item: str | None, name: str | None, time: str = "5", style: str = "text"
) -> str:
    batch = RawBatch(
        row_number=np.array([1], dtype=np.int64),
        columns={
            ITEM_ID: pa.array([item], pa.string()),
            PROPERTY: pa.array([name], pa.string()),
            VALUE: pa.array(["v"]),
            VALID_FROM: pa.array([time]),
        },
        lines=["raw"],
        bad=(),
    )
    checked = check_properties(
        batch, unit=TimeUnit.MILLISECONDS, id_format=style, bounds=TimeBounds(earliest_ms=0)
    )
    return checked.bad[0].reason if checked.bad else "kept"


@pytest.mark.parametrize(
    ("item", "style", "reason"),
    [
        ("sku-1", "text", "kept"),
        ("Ω" * 128, "text", "kept"),
        ("Ω" * 129, "text", "bad_item_id"),
        ("a\tb", "text", "bad_item_id"),
        ("  ", "text", "missing_item_id"),
        (None, "text", "missing_item_id"),
        ("NULL", "text", "missing_item_id"),
        ("12", "integer", "kept"),
        ("12.", "integer", "kept"),
        ("007", "integer", "kept"),
        ("12.5", "integer", "bad_item_id"),
        ("-3", "integer", "bad_item_id"),
        ("0x1F", "integer", "bad_item_id"),
        ("9" * 19, "integer", "kept"),
        ("9" * 20, "integer", "bad_item_id"),
    ],
)
def test_ids_are_judged_by_their_format(item: str | None, style: str, reason: str) -> None:
    assert property_reason(item, "790", style=style) == reason


def test_a_property_needs_a_name_and_a_time() -> None:
    assert property_reason("1", "") == "missing_property"
    assert property_reason("1", None) == "missing_property"
    assert property_reason("1", "790", time="x") == "bad_timestamp"
    assert property_reason("1", "790", time="-5") == "impossible_time"
