"""Valid events as the canonical tables: duplicates out, codes given, bots flagged, sorted."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.columns import (
    BEFORE_ITEM_CODE,
    EVENT_ID,
    EVENT_TIME,
    EVENT_TYPE,
    EVENT_TYPE_CODE,
    FIRST_SEEN,
    IS_BOT,
    ITEM_CODE,
    ITEM_ID,
    PREVIOUS_ITEM_CODE,
    SESSION_CODE,
    SESSION_NEXT,
    SESSION_PLACE,
    TRANSACTION_ID,
    USER_CODE,
    USER_ID,
)
from endcap.config import CleaningConfig
from endcap.dataset.arrays import equals_neighbour, places_in_runs, stable_order
from endcap.dataset.bots import flag_bots
from endcap.dataset.event_rows import EventColumns
from endcap.dataset.histories import EventTypes
from endcap.dataset.sessions import SessionCuts, cut_sessions
from endcap.dataset.validation import MAX_ID_BYTES

UTC_MS: Final = pa.timestamp("ms", tz="UTC")
DAY_MS: Final = 86_400_000

INTERACTIONS: Final = pa.schema(
    [
        (EVENT_ID, pa.string()),
        (USER_ID, pa.string()),
        (ITEM_ID, pa.string()),
        (EVENT_TYPE, pa.string()),
        (EVENT_TIME, UTC_MS),
        (TRANSACTION_ID, pa.string()),
        (USER_CODE, pa.int32()),
        (ITEM_CODE, pa.int32()),
        (EVENT_TYPE_CODE, pa.int8()),
        (IS_BOT, pa.bool_()),
        (SESSION_CODE, pa.int32()),
        (SESSION_PLACE, pa.int32()),
        (SESSION_NEXT, UTC_MS),
        (PREVIOUS_ITEM_CODE, pa.int32()),
        (BEFORE_ITEM_CODE, pa.int32()),
    ]
)

_FEW_VALUES: Final = (EVENT_TYPE, TRANSACTION_ID, EVENT_TYPE_CODE)
_SMALL_STEPS: Final = (EVENT_TIME, SESSION_CODE, SESSION_PLACE, SESSION_NEXT)

_SIZES: Final = 1000
"""More than any id has bytes."""
assert MAX_ID_BYTES < _SIZES  # noqa: S101
_PLACE_FROM: Final = 1000
_LAST_PLACE: Final = 8999
"""Later events of one visitor at one moment, if ever there are any, are sorted by what they are."""


@dataclass(frozen=True)
class KnownIds:
    """Users or items: a code is a place in `ids`, in order of first appearance, ties by id."""

    ids: pa.Array
    first_ms: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ids)


@dataclass(frozen=True)
class Events:
    """n events without duplicates, in the order of ``interactions``, as parallel arrays.

    `user`, `item` int32 codes, `event_type` int8, `time_ms` int64, `is_bot` bool; `transaction`
    int32 is a place in `transactions`, -1 for none.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    event_type: NDArray[np.int8]
    time_ms: NDArray[np.int64]
    is_bot: NDArray[np.bool_]
    sessions: SessionCuts
    transaction: NDArray[np.int32]
    transactions: pa.Array
    users: KnownIds
    items: KnownIds

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.time_ms)


def build_events(read: EventColumns, config: CleaningConfig) -> Events:
    """Return the events with the codes of the canonical tables, bots flagged, in sessions."""
    user, users = _by_appearance(read.user, read.time_ms, read.users)
    item, items = _by_appearance(read.item, read.time_ms, read.items)
    is_bot = flag_bots(user, read.event_type, read.time_ms, config)
    timeout_minutes = config.session_timeout_minutes
    return Events(
        user=user,
        item=item,
        event_type=read.event_type,
        time_ms=read.time_ms,
        is_bot=is_bot,
        sessions=cut_sessions(
            user, item, read.event_type, read.time_ms, is_bot, timeout_minutes=timeout_minutes
        ),
        transaction=read.transaction,
        transactions=read.transactions,
        users=users,
        items=items,
    )


def _by_appearance(
    code: NDArray[np.int32], time_ms: NDArray[np.int64], ids: pa.Array
) -> tuple[NDArray[np.int32], KnownIds]:
    """Give codes in order of first appearance, ties by id. `time_ms` ascends."""
    first = np.full(len(ids), len(code), dtype=np.int32)
    first[code[::-1]] = np.arange(len(code) - 1, -1, -1, dtype=np.int32)
    order = stable_order(first)
    order = order[: np.searchsorted(first[order], len(code))]
    first_ms = time_ms[first[order]]
    place = np.flatnonzero(equals_neighbour(first_ms))
    if len(place):
        ties = pa.table({"ms": first_ms[place], "id": ids.take(pa.array(order[place]))})
        keys = [("ms", "ascending"), ("id", "ascending")]
        order[place] = order[place[pc.sort_indices(ties, sort_keys=keys).to_numpy()]]
    new = np.empty(len(ids), dtype=np.int32)
    new[order] = np.arange(len(order), dtype=np.int32)
    return new[code], KnownIds(ids.take(pa.array(order)), first_ms)


def write_codes(events: Events, out: Path) -> None:
    """Write ``items.parquet`` and ``users.parquet``."""
    for name, known, key, code in (
        ("items", events.items, ITEM_ID, ITEM_CODE),
        ("users", events.users, USER_ID, USER_CODE),
    ):
        schema = pa.schema([(code, pa.int32()), (key, pa.string()), (FIRST_SEEN, UTC_MS)])
        codes = np.arange(len(known), dtype=np.int32)
        columns = [pa.array(codes), known.ids, pa.array(known.first_ms).cast(UTC_MS)]
        write_table(pa.Table.from_arrays(columns, schema=schema), out / f"{name}.parquet")


def write_interactions(events: Events, types: EventTypes, out: Path, *, threads: int) -> None:
    """Write ``interactions/event_date=YYYY-MM-DD/part-0.parquet``, each day whole."""
    days = events.time_ms // DAY_MS
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]

    def write(low: int, high: int) -> None:
        folder = out / "interactions" / f"event_date={np.datetime64(int(days[low]), 'D')}"
        day = _interactions(events, types, low, high)
        path = folder / "part-0.parquet"
        write_table(day, path, few_values=_FEW_VALUES, small_steps=_SMALL_STEPS)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, edges[:-1], edges[1:]))


def _interactions(events: Events, types: EventTypes, low: int, high: int) -> pa.Table:
    span = slice(low, high)
    transaction = events.transaction[span]
    given = {
        USER_ID: events.users.ids.take(pa.array(events.user[span])),
        ITEM_ID: events.items.ids.take(pa.array(events.item[span])),
        EVENT_TYPE: pa.array(types.names).take(pa.array(events.event_type[span])),
        EVENT_TIME: pa.array(events.time_ms[span]),
        TRANSACTION_ID: events.transactions.take(pa.array(transaction, mask=transaction < 0)),
    }
    columns = {
        EVENT_ID: _event_ids(given, _places_in_moment(events.user[span], events.time_ms[span])),
        **given,
        USER_CODE: pa.array(events.user[span]),
        ITEM_CODE: pa.array(events.item[span]),
        EVENT_TYPE_CODE: pa.array(events.event_type[span]),
        IS_BOT: pa.array(events.is_bot[span]),
        **session_columns(events.sessions, events.time_ms, span),
    }
    return pa.table(columns).cast(INTERACTIONS)


def _places_in_moment(user: NDArray[np.int32], time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many events of its visitor came before each at the same moment, int64 (n,)."""
    place = np.zeros(len(user), dtype=np.int64)
    among = np.flatnonzero(equals_neighbour(time_ms))
    among = among[np.lexsort((user[among], time_ms[among]))]
    place[among] = places_in_runs(time_ms[among], user[among])
    return place


def _event_ids(given: Mapping[str, pa.Array], place: NDArray[np.int64]) -> pa.Array:
    """Return an id of each event that follows from what it is and its `place` in its moment.

    ``time-number-user-item-type``, and ``-transaction`` if there is one. The number is 1000 plus
    the place, then the sizes in bytes of the three ids, which tell where they end whatever
    characters they hold. A visitor's ids of one moment, sorted as texts, are in the log's order:
    histories go by them.
    """
    number = _PLACE_FROM + np.minimum(place, _LAST_PLACE)
    for name in (USER_ID, ITEM_ID, TRANSACTION_ID):
        size = pc.fill_null(pc.binary_length(given[name]), 0).to_numpy()
        number = number * _SIZES + size
    parts = [given[EVENT_TIME].cast(pa.string()), pa.array(number).cast(pa.string())]
    parts += [given[name] for name in (USER_ID, ITEM_ID, EVENT_TYPE, TRANSACTION_ID)]
    return pc.binary_join_element_wise(*parts, "-", null_handling="skip")


def session_columns(
    cuts: SessionCuts, time_ms: NDArray[np.int64], span: slice
) -> dict[str, pa.Array]:
    """Return the columns that tell of the sessions of some rows. `time_ms`: of all rows."""
    following = cuts.following[span]
    return {
        SESSION_CODE: _given(cuts.session[span]),
        SESSION_PLACE: _given(cuts.place[span]),
        SESSION_NEXT: pa.array(time_ms[following], mask=following < 0).cast(UTC_MS),
        PREVIOUS_ITEM_CODE: _given(cuts.previous[span]),
        BEFORE_ITEM_CODE: _given(cuts.before[span]),
    }


def _given(codes: NDArray[np.int32]) -> pa.Array:
    return pa.array(codes, mask=codes < 0)


def write_table(
    table: pa.Table, path: Path, *, few_values: Sequence[str] = (), small_steps: Sequence[str] = ()
) -> None:
    """Write one Parquet file: the same rows give the same bytes.

    `few_values`: the columns for which a dictionary is worth trying; `small_steps`: those of
    numbers whose differences from row to row are worth writing instead. Bounds, by which a reader
    may pass over rows, are given of columns that are no texts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.combine_chunks(),
        path,
        compression="zstd",
        row_group_size=131_072,
        use_dictionary=list(few_values),
        column_encoding=dict.fromkeys(small_steps, "DELTA_BINARY_PACKED"),
        write_statistics=[field.name for field in table.schema if field.type != pa.string()],
    )
