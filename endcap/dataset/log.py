"""The cleaned interactions as flat arrays, as of a cut."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap import columns as c


@dataclass(frozen=True)
class InteractionLog:
    """Events before a cut, bots left out, sorted by visitor, then time, then the log's own order.

    `user` int32 (m,), `item` int32 (m,), `event_type` int8 (m,), `time_ms` int64 (m,). Visitor u's
    events are ``[ptr[u], ptr[u + 1])``; `ptr` int64 (n_users + 1,). `n_items` counts the items
    first seen before the cut, so their codes are 0 … n_items - 1; `n_users` likewise.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    event_type: NDArray[np.int8]
    time_ms: NDArray[np.int64]
    ptr: NDArray[np.int64]
    n_users: int
    n_items: int

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.user)

    def before(self, cut_ms: int, *, n_users: int, n_items: int) -> "InteractionLog":
        """Return the log as of an earlier cut, which knows `n_users` visitors and `n_items`."""
        kept = self.time_ms < cut_ms
        return from_events(
            self.user[kept],
            self.item[kept],
            self.event_type[kept],
            self.time_ms[kept],
            n_users=n_users,
            n_items=n_items,
        )


def from_events(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    event_type: NDArray[np.int8],
    time_ms: NDArray[np.int64],
    *,
    n_users: int,
    n_items: int,
) -> InteractionLog:
    """Return the log of parallel arrays. Events of equal visitor and time keep their order."""
    order = np.lexsort((time_ms, user))
    ptr = np.zeros(n_users + 1, dtype=np.int64)
    np.cumsum(np.bincount(user, minlength=n_users), out=ptr[1:])
    return InteractionLog(
        user=user[order].astype(np.int32, copy=False),
        item=item[order].astype(np.int32, copy=False),
        event_type=event_type[order].astype(np.int8, copy=False),
        time_ms=time_ms[order].astype(np.int64, copy=False),
        ptr=ptr,
        n_users=n_users,
        n_items=n_items,
    )


def load_log(clean_folder: Path, *, before_ms: int) -> InteractionLog:
    """Read the cleaned interactions with event time before `before_ms` (UTC epoch ms)."""
    # It loads pandas, which serving has no use for; serving reads this module for its types alone.
    import pyarrow.dataset as ds  # noqa: PLC0415

    last_day = datetime.fromtimestamp((before_ms - 1) / 1000, tz=UTC).date().isoformat()
    cut = pa.scalar(before_ms, pa.timestamp("ms", tz="UTC"))
    interactions = ds.dataset(
        clean_folder / "interactions",
        format="parquet",
        partitioning=ds.partitioning(pa.schema([("event_date", pa.string())]), flavor="hive"),
    )
    table = interactions.to_table(
        columns=[c.USER_CODE, c.ITEM_CODE, c.EVENT_TYPE_CODE, c.EVENT_TIME],
        filter=(pc.field("event_date") <= last_day)
        & (pc.field(c.EVENT_TIME) < cut)
        & ~pc.field(c.IS_BOT),
    )
    return from_events(
        table.column(c.USER_CODE).to_numpy(),
        table.column(c.ITEM_CODE).to_numpy(),
        table.column(c.EVENT_TYPE_CODE).to_numpy(),
        table.column(c.EVENT_TIME).cast(pa.int64()).to_numpy(),
        n_users=count_known(clean_folder / "users.parquet", before_ms=before_ms),
        n_items=count_known(clean_folder / "items.parquet", before_ms=before_ms),
    )


def count_known(table_file: Path, *, before_ms: int) -> int:
    """Return how many rows of an ``items`` or ``users`` table were first seen before a cut."""
    first_seen = pq.read_table(table_file, columns=[c.FIRST_SEEN]).column(c.FIRST_SEEN)
    return int(np.count_nonzero(first_seen.cast(pa.int64()).to_numpy() < before_ms))
