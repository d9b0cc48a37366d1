"""Which rows are usable, and the reason why one is not. Columns in, columns and reasons out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import (
    CATEGORY_ID,
    EVENT_TIME,
    EVENT_TYPE,
    ITEM_ID,
    PARENT_ID,
    PROPERTY,
    TRANSACTION_ID,
    USER_ID,
    VALID_FROM,
    VALUE,
)
from endcap.dataset.histories import PURCHASE_CODE, EventTypes
from endcap.dataset.mapping import TimeUnit
from endcap.dataset.quarantine import BadRow
from endcap.dataset.reading import RawBatch

Mask = NDArray[np.bool_]

LATEST_POSSIBLE_MS: Final = 4_102_444_800_000
"""2100-01-01: a later time is damage, whatever the clock says."""
MAX_ID_BYTES: Final = 256
ABSENT_WORDS: Final = ("", "null", "NULL", "None", "nan", "NaN", "\\N")
"""An id or name that is one of these is missing."""
_ABSENT: Final = pa.array(ABSENT_WORDS)
_WHOLE_NUMBER: Final = r"^[0-9]{1,19}(\.0*)?$"
_DECIMAL: Final = r"^[+-]?[0-9]{1,19}(\.[0-9]*)?$"
_LARGEST: Final = str(2**63 - 1)
_UNREADABLE: Final = r"[\x00-\x1f\x7f]"
_PER_MS: Final = {
    TimeUnit.MILLISECONDS: 1,
    TimeUnit.MICROSECONDS: 1_000,
    TimeUnit.NANOSECONDS: 1_000_000,
}


@dataclass(frozen=True)
class TimeBounds:
    """Epoch milliseconds: ``[earliest, latest]`` is possible; at or after `as_of` is left out."""

    earliest_ms: int
    latest_ms: int = LATEST_POSSIBLE_MS
    as_of_ms: int | None = None


@dataclass(frozen=True)
class Checked:
    """What became of a batch.

    `table`: the usable rows with canonical columns; `row_number` int64: where they come from;
    `index` int64: their place in the raw batch; the rest is counted.
    """

    table: pa.Table
    row_number: NDArray[np.int64]
    index: NDArray[np.int64]
    bad: list[BadRow]
    after_as_of: int
    ignored: int


class _Verdicts:
    """One reason a row: the first that was given stays."""

    def __init__(self, batch: RawBatch) -> None:
        self._batch = batch
        self._names: list[str] = []
        self._code = np.zeros(len(batch.row_number), dtype=np.int8)
        self._left_out: dict[str, int] = {}

    def reject(self, mask: Mask, reason: str) -> None:
        self._names.append(reason)
        self._code[mask & (self._code == 0)] = len(self._names)

    def leave_out(self, mask: Mask, why: str) -> None:
        hit = mask & (self._code == 0)
        self._left_out[why] = int(hit.sum())
        self._code[hit] = -1

    def settle(self, columns: Mapping[str, pa.Array]) -> Checked:
        kept = self._code == 0
        bad = [
            self._batch.reject(i, self._names[self._code[i] - 1])
            for i in np.flatnonzero(self._code > 0).tolist()
        ]
        table = pa.table(dict(columns))
        return Checked(
            table=table if kept.all() else table.filter(pa.array(kept)),
            row_number=self._batch.row_number[kept],
            index=np.flatnonzero(kept),
            bad=sorted([*self._batch.bad, *bad], key=lambda row: row.row_number),
            after_as_of=self._left_out.get("after_as_of", 0),
            ignored=self._left_out.get("ignored", 0),
        )


def check_events(
    batch: RawBatch,
    *,
    unit: TimeUnit,
    id_format: str,
    types: EventTypes,
    ignored_types: tuple[str, ...],
    require_transaction_id: bool,
    bounds: TimeBounds,
) -> Checked:
    """Return the usable events of a batch.

    `table` has USER_ID, ITEM_ID and TRANSACTION_ID as strings, EVENT_TYPE as the int8 code of
    `types` and EVENT_TIME as int64 epoch milliseconds.
    """
    verdicts = _Verdicts(batch)
    time_ms = _check_times(verdicts, batch.columns[EVENT_TIME], unit, bounds)
    name = _trimmed(batch.columns[EVENT_TYPE])
    verdicts.leave_out(_mask(pc.is_in(name, pa.array(ignored_types, pa.string()))), "ignored")
    user = _check_ids(verdicts, batch.columns[USER_ID], id_format, "user")
    code = _type_codes(name, types)
    verdicts.reject(code < 0, "unknown_event_type")
    item = _check_ids(verdicts, batch.columns[ITEM_ID], id_format, "item")
    absent = pa.nulls(len(name), pa.string())
    transaction = _present(_trimmed(batch.columns.get(TRANSACTION_ID, absent)))
    if require_transaction_id:
        given = _mask(pc.is_valid(transaction))
        is_transaction = code == PURCHASE_CODE
        verdicts.reject(is_transaction & ~given, "missing_transaction_id")
        verdicts.reject(~is_transaction & given, "unexpected_transaction_id")
    transaction, valid = _ids(transaction, id_format)
    verdicts.reject(~valid & _mask(pc.is_valid(transaction)), "bad_transaction_id")
    return verdicts.settle(
        {
            USER_ID: user,
            ITEM_ID: item,
            EVENT_TYPE: pa.array(code),
            EVENT_TIME: time_ms,
            TRANSACTION_ID: transaction,
        }
    )


def check_properties(
    batch: RawBatch, *, unit: TimeUnit, id_format: str, bounds: TimeBounds
) -> Checked:
    """Return the usable item properties of a batch; a batch without times holds from the earliest.

    `table` has ITEM_ID, PROPERTY and VALUE as strings and VALID_FROM as int64 epoch milliseconds.
    """
    verdicts = _Verdicts(batch)
    if VALID_FROM in batch.columns:
        time_ms = _check_times(verdicts, batch.columns[VALID_FROM], unit, bounds)
    else:
        time_ms = pa.array(np.full(len(batch.row_number), bounds.earliest_ms, dtype=np.int64))
    item = _check_ids(verdicts, batch.columns[ITEM_ID], id_format, "item")
    name = _present(_trimmed(batch.columns[PROPERTY]))
    verdicts.reject(~_mask(pc.is_valid(name)), "missing_property")
    value = pc.fill_null(_trimmed(batch.columns[VALUE]), "")
    return verdicts.settle({ITEM_ID: item, PROPERTY: name, VALUE: value, VALID_FROM: time_ms})


def check_categories(batch: RawBatch, *, id_format: str) -> Checked:
    """Return the usable rows of a category tree: CATEGORY_ID and PARENT_ID (null: a root)."""
    verdicts = _Verdicts(batch)
    category = _check_ids(verdicts, batch.columns[CATEGORY_ID], id_format, "category")
    parent, valid = _ids(_present(_trimmed(batch.columns[PARENT_ID])), id_format)
    verdicts.reject(~valid & _mask(pc.is_valid(parent)), "bad_category_id")
    return verdicts.settle({CATEGORY_ID: category, PARENT_ID: parent})


def parse_times(text: pa.Array, unit: TimeUnit) -> pa.Array:
    """Return times as epoch milliseconds, Int64Array with null where one cannot be read.

    Fractions of a millisecond are cut off. ISO text without an offset is UTC.
    """
    if unit is TimeUnit.ISO:
        return pa.array([_iso_ms(value) for value in text.to_pylist()], pa.int64())
    whole = _canonical_integers(text)
    if whole is None:
        text = _trimmed(text)
        readable = _mask(pc.match_substring_regex(text, _DECIMAL))
        text = pc.if_else(pa.array(readable), text, None)
        if unit is TimeUnit.SECONDS:
            return _seconds_to_ms(text)
        digits = pc.replace_substring_regex(text, r"\..*$", "")
        whole = _safe_integers(digits)
    elif unit is TimeUnit.SECONDS:
        return _seconds_to_ms(text)
    return whole if unit is TimeUnit.MILLISECONDS else pc.divide(whole, _PER_MS[unit])


def _seconds_to_ms(text: pa.Array) -> pa.Array:
    seconds = text.cast(pa.float64())
    near = pc.if_else(pc.less(pc.abs(seconds), 1e15), seconds, None)
    return pc.floor(pc.round(pc.multiply(near, 1000.0), 3)).cast(pa.int64())


def _safe_integers(digits: pa.Array) -> pa.Array:
    """Return whole numbers that fit into 64 bits as integers; others are null."""
    size = pc.utf8_trim(digits, "+-")
    fits = pc.or_(
        pc.less(pc.utf8_length(size), len(_LARGEST)),
        pc.and_(pc.equal(pc.utf8_length(size), len(_LARGEST)), pc.less_equal(size, _LARGEST)),
    )
    return pc.if_else(fits, pc.utf8_ltrim(digits, "+"), None).cast(pa.int64())


def _iso_ms(value: str | None) -> int | None:
    try:
        moment = datetime.fromisoformat((value or "").strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _canonical_integers(text: pa.Array) -> pa.Array | None:
    """Return the whole column as integers if each is written canonically, else None.

    Damage is rare: most batches take this way, which costs a tenth of the patterns below.
    """
    if text.null_count:
        return None
    try:
        numbers = text.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    same = pc.equal(numbers.cast(pa.string()), text)
    return numbers if pc.all(same, min_count=0).as_py() else None


def _ids(text: pa.Array, id_format: str) -> tuple[pa.Array, Mask]:
    """Return ids in one spelling, and which of them are valid (absent ones are not)."""
    if id_format == "integer":
        numbers = _canonical_integers(text)
        if numbers is not None and pc.all(pc.greater_equal(numbers, 0), min_count=0).as_py():
            return text, np.ones(len(text), dtype=np.bool_)
        valid = _mask(pc.match_substring_regex(text, _WHOLE_NUMBER))
        return pc.replace_substring_regex(text, r"^(\d+)\.0*$", r"\1"), valid
    damaged = _mask(pc.match_substring_regex(text, _UNREADABLE))
    too_long = _mask(pc.greater(pc.binary_length(text), MAX_ID_BYTES))
    return text, _mask(pc.is_valid(text)) & ~damaged & ~too_long


def _check_ids(verdicts: _Verdicts, text: pa.Array, id_format: str, kind: str) -> pa.Array:
    present = _present(_trimmed(text))
    verdicts.reject(~_mask(pc.is_valid(present)), f"missing_{kind}_id")
    ids, valid = _ids(present, id_format)
    verdicts.reject(~valid, f"bad_{kind}_id")
    return ids


def _check_times(
    verdicts: _Verdicts, text: pa.Array, unit: TimeUnit, bounds: TimeBounds
) -> pa.Array:
    times = parse_times(text, unit)
    known = _mask(pc.is_valid(times))
    numbers = pc.fill_null(times, 0).to_numpy(zero_copy_only=False)
    if bounds.as_of_ms is not None:
        verdicts.leave_out(known & (numbers >= bounds.as_of_ms), "after_as_of")
    verdicts.reject(~known, "bad_timestamp")
    possible = (numbers >= bounds.earliest_ms) & (numbers <= bounds.latest_ms)
    verdicts.reject(~possible, "impossible_time")
    return times


def _type_codes(names: pa.Array, types: EventTypes) -> NDArray[np.int8]:
    spelled = sorted({*types.names, *(own for own, _ in types.aliases)})
    codes = np.array([*(types.code(name) for name in spelled), -1], dtype=np.int8)
    place = pc.fill_null(pc.index_in(names, pa.array(spelled)), len(spelled))
    found: NDArray[np.int8] = codes[place.to_numpy(zero_copy_only=False)]
    return found


def _trimmed(text: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(text)


def _present(text: pa.Array) -> pa.Array:
    absent = pc.is_in(text, _ABSENT)
    return pc.if_else(absent, None, text) if pc.any(absent, min_count=0).as_py() else text


def _mask(values: pa.Array) -> Mask:
    filled: Mask = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return filled
