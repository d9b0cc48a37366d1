"""What visitors did, prepared once for all families of the user side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features.decayed_scores import (
    fading,
    grown_weights,
    half_lives_ms,
    kinds_of,
    weights_of,
)
from endcap.features.item_table import ItemTable
from endcap.features.keyed_sums import Groups, group_by
from endcap.features.user_entries import RECENT_ITEMS


@dataclass(frozen=True, eq=False, repr=False)
class Past:
    """Histories of n visitors, and their e events on known items.

    All events: `session` int64, position of the first event of each one's session. Events on known
    items, int64 (e,): position `at`, `visitor`, `item`, `kind` (see `decayed_scores`); `grown`
    float64 (e,): weight scaled to the visitor's landmark, from which `fading` float64 (n, kinds)
    takes sums to now. `by_item` groups them by visitor and item. `categorised`: positions among
    the e events of those with a category; `by_category` groups these by visitor and category.

    Visitors: `recent` int64 (n, RECENT_ITEMS), the newest distinct known items, newest first, -1
    where there are no more, and `recent_at`, the position of the last event on each. `open_start`
    int64 (n,): position of the first event of the session that is open now; the end of the history
    if none is.
    """

    histories: Histories
    items: ItemTable
    session: NDArray[np.int64]
    at: NDArray[np.int64]
    visitor: NDArray[np.int64]
    item: NDArray[np.int64]
    kind: NDArray[np.int64]
    grown: NDArray[np.float64]
    fading: NDArray[np.float64]
    by_item: Groups
    categorised: NDArray[np.int64]
    by_category: Groups
    recent: NDArray[np.int64]
    recent_at: NDArray[np.int64]
    open_start: NDArray[np.int64]

    @property
    def last_category(self) -> NDArray[np.int64]:
        """The category of each visitor's last known item, -1 if there is none, int64 (n,)."""
        last = self.recent[:, 0]
        known = last >= 0
        category = np.full(len(last), -1, dtype=np.int64)
        category[known] = self.items.category[last[known]]
        return category

    def per_visitor(self, visitor: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often each visitor occurs, int64 (n,)."""
        if len(self.histories) == 1:
            return np.asarray([len(visitor)], dtype=np.int64)
        return np.bincount(visitor, minlength=len(self.histories))


def past_of(
    histories: Histories,
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> Past:
    """Return what `histories` are to the items of `items`."""
    at = ((histories.item >= 0) & (histories.item < items.n_items)).nonzero()[0]
    visitor = histories.rows()[at]
    item = histories.item[at].astype(np.int64)
    by_item = group_by(visitor * items.n_items + item)
    category = items.category[item]
    categorised = (category >= 0).nonzero()[0]
    recent_at = _recent(visitor, at, by_item, len(histories))
    session = _session_starts(histories, items)
    half_lives = half_lives_ms(config)
    event_type = histories.event_type[at]
    kind = kinds_of(event_type)
    half_life = half_lives[kind]
    return Past(
        histories=histories,
        items=items,
        session=session,
        at=at,
        visitor=visitor,
        item=item,
        kind=kind,
        grown=grown_weights(
            histories.time_ms[at],
            weights_of(event_type, event_weights),
            half_life,
            histories.now_ms[visitor] // half_life,
        ),
        fading=fading(histories.now_ms, half_lives),
        by_item=by_item,
        categorised=categorised,
        by_category=group_by(
            visitor[categorised] * len(items.category_parent) + category[categorised]
        ),
        recent=_items_at(histories, recent_at),
        recent_at=recent_at,
        open_start=_open_starts(histories, session, items),
    )


def _recent(
    visitor: NDArray[np.int64], at: NDArray[np.int64], by_item: Groups, n: int
) -> NDArray[np.int64]:
    """Return where the last event on each visitor's newest distinct items is; -1 for none."""
    last = np.sort(by_item.last_event)
    recent_at = np.full((n, RECENT_ITEMS), -1, dtype=np.int64)
    if n == 1:
        newest = last[: -RECENT_ITEMS - 1 : -1]
        recent_at[0, : len(newest)] = at[newest]
        return recent_at
    whose = visitor[last]
    newer = (np.cumsum(np.bincount(whose, minlength=n)) - 1)[whose] - np.arange(len(last))
    kept = np.flatnonzero(newer < RECENT_ITEMS)
    recent_at[whose[kept], newer[kept]] = at[last[kept]]
    return recent_at


def _items_at(histories: Histories, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the items of the events at these positions, -1 where the position is -1."""
    items = np.full_like(place, -1)
    there = place >= 0
    items[there] = histories.item[place[there]]
    return items


def _session_starts(histories: Histories, items: ItemTable) -> NDArray[np.int64]:
    """Return the position of the first event of each event's session, int64 (events,)."""
    time_ms = histories.time_ms
    begins = np.ones(len(time_ms), dtype=bool)
    begins[1:] = time_ms[1:] - time_ms[:-1] > items.session_timeout_ms
    begins[histories.ptr[:-1][histories.lengths() > 0]] = True
    return np.maximum.accumulate(np.where(begins, np.arange(len(time_ms)), 0))


def _open_starts(
    histories: Histories, session: NDArray[np.int64], items: ItemTable
) -> NDArray[np.int64]:
    """Return where each visitor's open session starts; the end of the history if none is open."""
    starts = histories.ptr[1:].copy()
    if len(histories) == 1 and len(session):
        if histories.now_ms[0] - histories.time_ms[-1] <= items.session_timeout_ms[0]:
            starts[0] = session[-1]
        return starts
    active = np.flatnonzero(histories.lengths())
    last = starts[active] - 1
    idle_ms = histories.now_ms[active] - histories.time_ms[last]
    is_open = idle_ms <= items.session_timeout_ms
    starts[active[is_open]] = session[last[is_open]]
    return starts
