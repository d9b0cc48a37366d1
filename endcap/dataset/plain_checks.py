"""The rules of `endcap.dataset.validation` for plain rows: usable, left out, or for it to judge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from endcap.columns import (
    EVENT_TIME,
    EVENT_TYPE,
    ITEM_ID,
    PROPERTY,
    TRANSACTION_ID,
    USER_ID,
    VALID_FROM,
    VALUE,
)
from endcap.dataset.histories import PURCHASE_CODE, EventTypes
from endcap.dataset.mapping import EventsMapping
from endcap.dataset.plain_reading import PlainRows
from endcap.dataset.plain_rows import Kind, Mask, Numbers
from endcap.dataset.reading import RawBatch
from endcap.dataset.validation import ABSENT_WORDS, TimeBounds

EVENT_KINDS: Final = {
    EVENT_TIME: Kind.NUMBER,
    USER_ID: Kind.NUMBER,
    ITEM_ID: Kind.NUMBER,
    EVENT_TYPE: Kind.NAME,
    TRANSACTION_ID: Kind.NUMBER_OR_NONE,
}
PROPERTY_KINDS: Final = {
    VALID_FROM: Kind.NUMBER,
    ITEM_ID: Kind.NUMBER,
    PROPERTY: Kind.NAME,
    VALUE: Kind.TEXT,
}
_UNWANTED: Final = -1
_NOT_PLAIN: Final = -2
_IGNORED: Final = -3


@dataclass(frozen=True)
class PlainEvents:
    """The usable plain events of a block, n arrays long, and what became of the other rows.

    `user`, `item` and `transaction` are numbers, -1 for no transaction; `others` are still to be
    judged.
    """

    user: Numbers
    item: Numbers
    event_type: NDArray[np.int8]
    time_ms: Numbers
    transaction: Numbers
    row_number: Numbers
    after_as_of: int
    ignored: int
    others: RawBatch | None


@dataclass(frozen=True)
class PlainProperties:
    """The usable plain item properties of a block, likewise.

    `usable` counts them; `items` are their items, row for row; `seen` are their properties, as the
    shop writes them, once each. The arrays of n are of the wanted properties alone: `name` is a
    place in `seen`.
    """

    usable: int
    items: Numbers
    seen: list[str]
    item: Numbers
    name: NDArray[np.int32]
    value: pa.Array
    time_ms: Numbers
    row_number: Numbers
    after_as_of: int
    others: RawBatch | None


def plain_events(
    rows: PlainRows,
    events: EventsMapping,
    types: EventTypes,
    ignored_types: tuple[str, ...],
    bounds: TimeBounds,
) -> PlainEvents:
    """Return what is plain of a block of an event file with whole-numbered ids and times in ms."""
    block, at = rows.block, rows.layout.position
    time_ms, in_time, after = _times(rows, EVENT_TIME, bounds)
    names, place = _names(rows, EVENT_TYPE)
    code = _coded(names, lambda own: _IGNORED if own in ignored_types else types.code(own))[place]
    ignored = in_time & (code == _IGNORED)
    usable = in_time & (code >= 0)
    transaction = np.full(len(time_ms), -1, dtype=np.int64)
    if TRANSACTION_ID in at:
        transaction = block.numbers(at[TRANSACTION_ID])
    if events.require_transaction_id:
        usable &= (transaction >= 0) == (code == PURCHASE_CODE)
    row = np.flatnonzero(usable)
    return PlainEvents(
        user=block.numbers(at[USER_ID])[row],
        item=block.numbers(at[ITEM_ID])[row],
        event_type=code[row].astype(np.int8),
        time_ms=time_ms[row],
        transaction=transaction[row],
        row_number=rows.numbers(row),
        after_as_of=int(np.count_nonzero(after)),
        ignored=int(np.count_nonzero(ignored)),
        others=rows.others(usable | ignored | after),
    )


def plain_properties(
    rows: PlainRows, wanted: frozenset[str] | None, bounds: TimeBounds
) -> PlainProperties:
    """Return what is plain of a block of a property file, as `plain_events` does.

    `wanted`: the properties, as the shop writes them, whose rows are given; None for all.
    """
    block, at = rows.block, rows.layout.position
    time_ms, in_time, after = _times(rows, VALID_FROM, bounds)
    names, place = _names(rows, PROPERTY)
    is_plain = _coded(names, lambda _: _UNWANTED) != _NOT_PLAIN
    usable = in_time if is_plain.all() else in_time & is_plain[place]
    everything = bool(usable.all())
    is_seen = is_plain
    if not everything:
        is_seen = np.zeros(len(names), dtype=np.bool_)
        is_seen[place[usable]] = True
    seen = [own for own, there in zip(names, is_seen.tolist(), strict=True) if there]
    is_wanted = np.array([wanted is None or own in wanted for own in names], dtype=np.bool_)
    row = np.flatnonzero(usable & is_wanted[place])
    item = block.numbers(at[ITEM_ID])
    return PlainProperties(
        usable=int(np.count_nonzero(usable)),
        items=item if everything else item[usable],
        seen=seen,
        item=item[row],
        name=(np.cumsum(is_seen, dtype=np.int32) - 1)[place[row]],
        value=pc.utf8_trim_whitespace(block.columns[at[VALUE]].take(pa.array(row))),
        time_ms=time_ms[row],
        row_number=rows.numbers(row),
        after_as_of=int(np.count_nonzero(after)),
        others=rows.others(usable | after),
    )


def _times(rows: PlainRows, column: str, bounds: TimeBounds) -> tuple[Numbers, Mask, Mask]:
    """Return times, which of them are possible and not left out, and which are left out."""
    time_ms = rows.block.numbers(rows.layout.position[column])
    after = np.zeros(len(time_ms), dtype=np.bool_)
    if bounds.as_of_ms is not None:
        after = time_ms >= bounds.as_of_ms
    possible = (time_ms >= bounds.earliest_ms) & (time_ms <= bounds.latest_ms)
    return time_ms, possible & ~after, after


def _names(rows: PlainRows, column: str) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct names of a column, and each row's place among them."""
    encoded = rows.block.columns[rows.layout.position[column]]
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()


def _coded(names: list[str], code: Callable[[str], int]) -> NDArray[np.int32]:
    """Return the names' codes, `_NOT_PLAIN` for one that trimming would change or that is none."""
    return np.array(
        [
            code(own) if own == own.strip() and own not in ABSENT_WORDS else _NOT_PLAIN
            for own in names
        ],
        dtype=np.int32,
    )
