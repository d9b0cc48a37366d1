"""Valid events as they are read, gathered in columns of numbers."""

from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.columns import EVENT_TIME, EVENT_TYPE, ITEM_ID, TRANSACTION_ID, USER_ID
from endcap.dataset.arrays import equals_neighbour, narrow
from endcap.dataset.ids import encode_ids
from endcap.dataset.plain_checks import PlainEvents
from endcap.dataset.validation import Checked

_FILE_BITS = 40
_COLUMNS = ("user", "item", "transaction", "event_type", "time_ms", "row_number")


@dataclass(frozen=True)
class EventColumns:
    """n events in order of time, ties in reading order. Their ids have provisional codes.

    `user`, `item`, `transaction` (-1: none) int32, `event_type` int8 and `time_ms` int64; `users`,
    `items` and `transactions` are the ids by code. Of exact duplicates the first in reading order
    is an event; `duplicates` int64: the positions of the others, ascending, which `place_of` takes
    apart.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    transaction: NDArray[np.int32]
    event_type: NDArray[np.int8]
    time_ms: NDArray[np.int64]
    users: pa.Array
    items: pa.Array
    transactions: pa.Array
    duplicates: NDArray[np.int64]


def place_of(position: int) -> tuple[int, int]:
    """Return the file's index and the row number of an event's position."""
    return position >> _FILE_BITS, position & ((1 << _FILE_BITS) - 1)


class EventRows:
    """What was read so far: plain events as numbers, some 25 bytes each, others as texts."""

    def __init__(self) -> None:
        self._rows = 0
        self._plain: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
        self._plain_files: list[int] = []
        self._texts: list[tuple[Checked, int]] = []

    def __len__(self) -> int:
        """Return the number of events, duplicates included."""
        return self._rows

    def add_plain(self, events: PlainEvents, file_index: int) -> None:
        """Add the plain events of a block."""
        self._rows += len(events.time_ms)
        self._plain_files.append(file_index)
        for name, parts in self._plain.items():
            parts.append(narrow(getattr(events, name)))

    def add_checked(self, checked: Checked, file_index: int) -> None:
        """Add the usable events of a batch."""
        self._rows += len(checked.row_number)
        if len(checked.row_number):
            self._texts.append((replace(checked, bad=[]), file_index))

    def columns(self) -> EventColumns:
        """Return all events in order, and forget them here."""
        texts, self._texts = self._texts, []
        time_ms = self._column("time_ms", *(_ints(t, EVENT_TIME) for t, _ in texts))
        event_type = self._column("event_type", *(_ints(t, EVENT_TYPE) for t, _ in texts))
        event_type = event_type.astype(np.int8, copy=False)
        user, users = encode_ids(self._column("user"), _column(texts, USER_ID))
        item, items = encode_ids(self._column("item"), _column(texts, ITEM_ID))
        transaction, transactions = _optional(
            self._column("transaction"), _column(texts, TRANSACTION_ID)
        )
        position = self._positions(texts)
        order = _order(time_ms, position)
        repeated = _repeated(order, time_ms, user, item, event_type, transaction)
        duplicates = np.sort(position[order][repeated])
        del position
        if len(repeated):
            order = np.delete(np.arange(len(time_ms))[order], repeated)
        return EventColumns(
            user=user[order],
            item=item[order],
            transaction=transaction[order],
            event_type=event_type[order],
            time_ms=time_ms[order].astype(np.int64, copy=False),
            users=users,
            items=items,
            transactions=transactions,
            duplicates=duplicates,
        )

    def _positions(self, texts: list[tuple[Checked, int]]) -> NDArray[np.int64]:
        plain = zip(self._plain["row_number"], self._plain_files, strict=True)
        of_texts = ((checked.row_number, file) for checked, file in texts)
        parts = [_as_positions(row_number, file) for row_number, file in chain(plain, of_texts)]
        self._plain["row_number"].clear()
        self._plain_files.clear()
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def _column(self, name: str, *more: NDArray[Any]) -> NDArray[Any]:
        """Return a column of the plain events and what follows them, and forget it here."""
        parts = [*self._plain[name], *more]
        self._plain[name].clear()
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _optional(
    numbers: NDArray[np.int64], texts: pa.StringArray
) -> tuple[NDArray[np.int32], pa.Array]:
    """Encode ids of which some are missing: number -1, text null, code -1."""
    given = np.concatenate([numbers >= 0, texts.is_valid().to_numpy(zero_copy_only=False)])
    code = np.full(len(given), -1, dtype=np.int32)
    code[given], names = encode_ids(numbers[numbers >= 0], texts.drop_null())
    return code, names


def _order(time_ms: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """Return what sorts by time, then position. Most logs are sorted, which costs a look."""
    if (position[1:] < position[:-1]).any():
        return np.lexsort((position, time_ms))
    if (time_ms[1:] < time_ms[:-1]).any():
        return np.argsort(time_ms, kind="stable")
    return slice(None)


def _repeated(
    order: NDArray[np.int64] | slice, time_ms: NDArray[np.int64], *columns: NDArray[Any]
) -> NDArray[np.int64]:
    """Return the places in the order whose row repeats an earlier one: near it, at its time."""
    among = np.flatnonzero(equals_neighbour(time_ms[order]))
    row = among if isinstance(order, slice) else order[among]
    keys = [column[row] for column in (*columns, time_ms)]
    by_row = np.lexsort(keys)
    same = np.logical_and.reduce([key[by_row][1:] == key[by_row][:-1] for key in keys])
    return among[by_row[1:][same]]


def _as_positions(row_number: NDArray[np.integer], file_index: int) -> NDArray[np.int64]:
    return row_number.astype(np.int64) + (file_index << _FILE_BITS)


def _ints(checked: Checked, name: str) -> NDArray[np.int64]:
    values: NDArray[np.int64] = checked.table.column(name).to_numpy()
    return values


def _column(texts: list[tuple[Checked, int]], name: str) -> pa.StringArray:
    chunks = [chunk for checked, _ in texts for chunk in checked.table.column(name).chunks]
    return pa.chunked_array(chunks, pa.string()).combine_chunks()
