"""Visitors' histories as flat arrays: the one shape that retrieval, features and serving read."""

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import rows_of

T = TypeVar("T")
CART_CODE: Final = 1
PURCHASE_CODE: Final = 2
"""Event type codes that mean the same in every shop; see `EventTypes`."""


@dataclass(frozen=True, eq=False, repr=False)
class Histories:
    """What n visitors did, in compressed sparse row form.

    Visitor q's events are ``[ptr[q], ptr[q + 1])`` of `item`, `event_type` and `time_ms`, oldest
    first, none later than ``now_ms[q]``. An unknown item has code -1. `ptr` int64 (n + 1,),
    `item` int32 (m,), `event_type` int8 (m,), `time_ms` int64 (m,), `now_ms` int64 (n,): the
    moment the recommendation is for.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    event_type: NDArray[np.int8]
    time_ms: NDArray[np.int64]
    now_ms: NDArray[np.int64]

    @classmethod
    def of_one_event(cls, item: int, time_ms: int) -> Self:
        """Return the history of one visitor who touched one item just now, and nothing before."""
        moment = np.asarray([time_ms], dtype=np.int64)
        return cls(
            ptr=np.asarray([0, 1], dtype=np.int64),
            item=np.asarray([item], dtype=np.int32),
            event_type=np.zeros(1, dtype=np.int8),
            time_ms=moment,
            now_ms=moment,
        )

    def __len__(self) -> int:
        """Return the number of visitors."""
        return len(self.now_ms)

    @cached_property
    def _once(self) -> dict[Hashable, Any]:
        return {}

    def once(self, asked: Hashable, compute: Callable[[], T]) -> T:
        """Return what `compute` gives for these histories, computed once for all who ask alike.

        Of one visitor, who waits while several sources ask for the same. The answers for many
        would be large, and such histories live as long as a search: they are computed each time.
        """
        if len(self) != 1:
            return compute()
        if asked not in self._once:
            self._once[asked] = compute()
        found: T = self._once[asked]
        return found

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of events of each visitor, int64 (n,)."""
        return self.ptr[1:] - self.ptr[:-1]

    def rows(self) -> NDArray[np.int64]:
        """Return the visitor that each event belongs to, int64 (m,)."""
        return rows_of(self.ptr)

    def holds(self, rows: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return whether the visitor of each row touched its item, bool (k,); no unknown one is.

        `rows`, `items`: int (k,), visitors and item codes.
        """
        highest = max(int(self.item.max(initial=0)), int(items.max(initial=0)))
        stride = np.int64(highest + 1)
        known = self.item >= 0
        touched = self.rows()[known] * stride + self.item[known]
        return (items >= 0) & np.isin(rows * stride + items, touched)

    def slice(self, start: int, stop: int) -> "Histories":
        """Return visitors ``[start, stop)``; itself if these are all."""
        if start == 0 and stop == len(self):
            return self
        low, high = int(self.ptr[start]), int(self.ptr[stop])
        return Histories(
            ptr=self.ptr[start : stop + 1] - low,
            item=self.item[low:high],
            event_type=self.event_type[low:high],
            time_ms=self.time_ms[low:high],
            now_ms=self.now_ms[start:stop],
        )

    def newest(self, limit: int) -> "Histories":
        """Return each visitor's newest `limit` events; itself if nobody has more."""
        lengths = self.lengths()
        if lengths.max(initial=0) <= limit:
            return self
        kept = self.ptr[1:][self.rows()] - np.arange(len(self.item)) <= limit
        ptr = np.zeros_like(self.ptr)
        np.cumsum(np.minimum(lengths, limit), out=ptr[1:])
        return Histories(
            ptr=ptr,
            item=self.item[kept],
            event_type=self.event_type[kept],
            time_ms=self.time_ms[kept],
            now_ms=self.now_ms,
        )


@dataclass(frozen=True)
class EventTypes:
    """The shop's event types.

    A type's code is its position here; codes 0, 1, 2 are always view, addtocart and transaction.
    `weights` is each type's confidence weight and relevance gain. `aliases` maps the shop's own
    spelling to the canonical name.
    """

    names: tuple[str, ...] = ("view", "addtocart", "transaction")
    weights: tuple[float, ...] = (1.0, 2.0, 3.0)
    aliases: tuple[tuple[str, str], ...] = ()

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read the ``event_types.json`` that cleaning wrote."""
        content = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            names=tuple(content["names"]),
            weights=tuple(content["weights"]),
            aliases=tuple(sorted(content["aliases"].items())),
        )

    def code(self, name: str) -> int:
        """Return the code of an event type by its own or the shop's spelling; -1 if unknown."""
        return self._codes.get(name, -1)

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The code by every spelling: an alias counts before a name."""
        codes = {name: code for code, name in enumerate(self.names)}
        return codes | {alias: codes.get(name, -1) for alias, name in self.aliases}

    def weight_array(self) -> NDArray[np.float32]:
        """Return the weights by code, float32."""
        return np.asarray(self.weights, dtype=np.float32)
