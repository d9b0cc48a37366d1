"""Which items a visitor may be shown, and how many of a category."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap import columns as c
from endcap.dataset.arrays import ptr_of
from endcap.dataset.histories import Histories
from endcap.retrieval.union import Candidates
from endcap.serving.filters import ItemFilter
from endcap.serving.model import ServingModel
from endcap.serving.slates import SlateRequest


@dataclass(frozen=True, eq=False, repr=False)
class Rules:
    """What n visitors may be shown of a model's items.

    `keys`: ``visitor * n_items + item`` of each item that its visitor must not be shown, ascending,
    some more than once.
    `everywhere`: codes of items that nobody may be shown, ascending. `filters` hold for all.
    """

    keys: NDArray[np.int64]
    everywhere: NDArray[np.int32]
    filters: ItemFilter
    model: ServingModel

    @classmethod
    def of(cls, request: SlateRequest, histories: Histories, model: ServingModel) -> "Rules":
        """Return what the request allows to each visitor."""
        everywhere = np.asarray(sorted(request.exclude), dtype=np.int32)
        keys = _forbidden_keys(request, histories, model)
        return cls(keys, everywhere, request.filters, model)

    def allows(
        self, visitor: NDArray[np.int64] | int, item: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Return whether each item may be shown to its visitor, bool (m,)."""
        allowed = self.filters.allows(item, self.model.items)
        for forbidden, asked in (
            (self.keys, visitor * np.int64(self.model.n_items) + item),
            (self.everywhere, item),
        ):
            if len(forbidden):
                place = np.minimum(np.searchsorted(forbidden, asked), len(forbidden) - 1)
                allowed &= forbidden[place] != asked
        return allowed


def _forbidden_keys(
    request: SlateRequest, histories: Histories, model: ServingModel
) -> NDArray[np.int64]:
    known = (histories.item >= 0) & (histories.item < model.n_items)
    visitor = histories.rows()
    age = histories.now_ms[visitor] - histories.time_ms
    forbidden = np.zeros(len(known), dtype=bool)
    if not request.include_seen:
        window = request.seen_window_ms
        forbidden |= known if window is None else known & (age <= window)
    if request.bought_window_ms is not None:
        bought = histories.event_type == model.event_types.code(c.TRANSACTION)
        forbidden |= known & bought & (age <= request.bought_window_ms)
    return np.sort(visitor[forbidden] * np.int64(model.n_items) + histories.item[forbidden])


def keep_allowed(candidates: Candidates, rules: Rules) -> Candidates:
    """Return the candidates that are allowed."""
    visitor = candidates.rows()
    allowed = rules.allows(visitor, candidates.item)
    if allowed.all():
        return candidates
    return candidates.only(allowed, ptr_of(visitor[allowed], len(candidates)))


def within_cap(
    visitor: NDArray[np.int64], category: NDArray[np.int32], most: int
) -> NDArray[np.bool_]:
    """Return which rows are among the first `most` of their visitor and category, bool (m,).

    `visitor` and `category` (m,), best rows first. A row without a category, -1, always is.
    """
    key = visitor * (int(category.max(initial=0)) + 2) + category
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-2))
    place = np.empty(len(key), dtype=np.int64)
    place[order] = np.arange(len(key)) - np.repeat(starts, np.diff(starts, append=len(key)))
    return (place < most) | (category < 0)
