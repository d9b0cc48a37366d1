"""The rules of `endcap.dataset.validation` for plain rows: usable, left out, or for it to judge."""

from collections.abc import Iterable
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
    TRANSACTION,
    TRANSACTION_ID,
    USER_ID,
    VALID_FROM,
    VALUE,
)
from endcap.dataset.histories import EventTypes
from endcap.dataset.mapping import EventsMapping
from endcap.dataset.plain_reading import PlainRows
from endcap.dataset.plain_rows import Mask
from endcap.dataset.reading import RawBatch
from endcap.dataset.validation import ABSENT_WORDS, TimeBounds

Numbers = NDArray[np.int64]

_SMALL: Final = 1 << 20
_NONE: Final = np.empty(0, dtype=np.int64)


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

    `usable` counts them; `items` are their items and `numbers` their properties that are numbers,
    row for row; `seen` are their other properties, as the shop writes them, once each. The arrays
    of n are of the wanted properties alone: `name` is a place in `names`.
    """

    usable: int
    items: Numbers
    numbers: Numbers
    seen: list[str]
    names: list[str]
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
    block, at = rows.block, rows.position
    time_ms, in_time, after = _times(rows, EVENT_TIME, bounds)
    user, good_user = block.integers(at[USER_ID])
    item, good_item = block.integers(at[ITEM_ID])
    code = np.full(len(time_ms), -1, dtype=np.int8)
    for name in _plain({*types.names, *(own for own, _ in types.aliases)}):
        code[block.equal(at[EVENT_TYPE], name.encode())] = types.code(name)
    ignored = np.zeros(len(time_ms), dtype=np.bool_)
    for name in _plain(ignored_types):
        ignored |= block.equal(at[EVENT_TYPE], name.encode())
    ignored &= in_time
    usable = in_time & ~ignored & good_user & good_item & (code >= 0)
    transaction = np.full(len(time_ms), -1, dtype=np.int64)
    if TRANSACTION_ID in at:
        given = block.width(at[TRANSACTION_ID]) > 0
        if given.any():
            numbers, good = block.integers(at[TRANSACTION_ID])
            usable &= good | ~given
            transaction = np.where(given & good, numbers, -1)
    if events.require_transaction_id:
        usable &= (transaction >= 0) == (code == types.names.index(TRANSACTION))
    row = np.flatnonzero(usable)
    return PlainEvents(
        user=user[row],
        item=item[row],
        event_type=code[row],
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
    block = rows.block
    time_ms, in_time, after = _times(rows, VALID_FROM, bounds)
    item, good_item = block.integers(rows.position[ITEM_ID])
    properties = _properties(rows, in_time & good_item, wanted)
    usable = in_time & good_item & (properties.name != _NOT_PLAIN)
    row = np.flatnonzero(usable & (properties.name >= 0))
    return PlainProperties(
        usable=int(np.count_nonzero(usable)),
        items=item[usable],
        numbers=properties.numbers,
        seen=properties.seen,
        names=properties.names,
        item=item[row],
        name=properties.name[row],
        value=pc.utf8_trim_whitespace(block.texts(rows.position[VALUE], row)),
        time_ms=time_ms[row],
        row_number=rows.numbers(row),
        after_as_of=int(np.count_nonzero(after)),
        others=rows.others(usable | after),
    )


@dataclass(frozen=True)
class _Properties:
    """What the rows of a block are about: `name` (n,) is a place in `names`, or one of these."""

    name: NDArray[np.int32]
    names: list[str]
    seen: list[str]
    numbers: Numbers


_UNWANTED: Final = -1
_NOT_PLAIN: Final = -2


def _properties(rows: PlainRows, among: Mask, wanted: frozenset[str] | None) -> _Properties:
    """Return what the rows `among` all are about. Most names are numbers, which are no texts."""
    block, column = rows.block, rows.position[PROPERTY]
    name = np.full(len(among), _NOT_PLAIN, dtype=np.int32)
    if wanted is None:
        texts = block.texts(column, np.flatnonzero(among)).dictionary_encode()
        names = texts.dictionary.to_pylist()
        code = np.array([i if _is_plain(own) else _NOT_PLAIN for i, own in enumerate(names)])
        name[among] = code[texts.indices.to_numpy()]
        return _Properties(name, names, [own for own in names if _is_plain(own)], _NONE)
    number, is_number = block.integers(column)
    is_number &= number < _SMALL
    name[is_number] = _UNWANTED
    names = _plain(wanted)
    seen = []
    rest = among & ~is_number
    for place, own in enumerate(names):
        found = block.equal(column, own.encode())
        name[found] = place
        rest &= ~found
        if (found & among).any():
            seen.append(own)
    texts = block.texts(column, np.flatnonzero(rest)).dictionary_encode()
    others = texts.dictionary.to_pylist()
    code = np.array([_UNWANTED if _is_plain(own) else _NOT_PLAIN for own in others], dtype=np.int32)
    name[rest] = code[texts.indices.to_numpy()]
    seen += [own for own in others if _is_plain(own)]
    return _Properties(name, names, seen, number[among & is_number])


def _times(rows: PlainRows, column: str, bounds: TimeBounds) -> tuple[Numbers, Mask, Mask]:
    """Return times, which of them are possible and not left out, and which are left out."""
    time_ms, valid = rows.block.integers(rows.position[column])
    after = np.zeros(len(time_ms), dtype=np.bool_)
    if bounds.as_of_ms is not None:
        after = valid & (time_ms >= bounds.as_of_ms)
    possible = (time_ms >= bounds.earliest_ms) & (time_ms <= bounds.latest_ms)
    return time_ms, valid & possible & ~after, after


def _is_plain(name: str) -> bool:
    """Return whether a field may be `name` as it stands: trimming would not change it."""
    return name == name.strip() and name not in ABSENT_WORDS and name.isascii()


def _plain(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if _is_plain(name))
