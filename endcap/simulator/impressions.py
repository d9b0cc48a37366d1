"""What was shown: slates beside an item's page, by a random policy that ignores the visitor.

A slate has four similar items in random order and two by popularity, without repeats. It is shown
half a second after a view. The visitor's next view within the session is a click if the slate holds
it; position has no effect on it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.sessions import Views
from endcap.simulator.walk import Steps, Succession

_SIMILAR_SLOTS: Final = 4
_POPULAR_SLOTS: Final = 2
_SHOWN_AFTER_MS: Final = 500


@dataclass(frozen=True)
class Impressions:
    """One row an item shown; `slate` numbers the slates, `position` counts from 1."""

    slate: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    visitor: NDArray[np.int64]
    context: NDArray[np.int64]
    position: NDArray[np.int64]
    item: NDArray[np.int64]
    clicked: NDArray[np.bool_]


def show_slates(
    catalogue: Catalogue,
    views: Views,
    steps: Steps,
    following: Succession,
    slates: int,
    rng: np.random.Generator,
) -> Impressions:
    """Return `slates` slates beside random views, in order of time."""
    at = rng.choice(len(steps.item), min(slates, len(steps.item)), replace=False)
    at = at[np.lexsort((at, views.time_ms[at]))]
    context, time_ms = steps.item[at], views.time_ms[at] + _SHOWN_AFTER_MS
    order = np.argsort(rng.random((len(at), catalogue.similar.shape[1])), axis=1)
    shuffled = np.take_along_axis(catalogue.similar[context].astype(np.int64), order, axis=1)
    everything = np.full(len(at), len(catalogue))
    popular = [
        catalogue.draw(np.zeros_like(everything), everything, rng.random(len(at)))
        for _ in range(_POPULAR_SLOTS)
    ]
    shown = np.column_stack([shuffled[:, :_SIMILAR_SLOTS], *popular])
    moments = np.repeat(time_ms, shown.shape[1])
    shown = following.on_sale(catalogue, shown.ravel(), moments).reshape(shown.shape)
    fresh = shown != context[:, None]
    for column in range(1, shown.shape[1]):
        fresh[:, column] &= (shown[:, :column] != shown[:, [column]]).all(axis=1)
    slate, slot = np.nonzero(fresh)
    return Impressions(
        slate=slate,
        time_ms=time_ms[slate],
        visitor=views.visitor[at][slate],
        context=context[slate],
        position=np.cumsum(fresh, axis=1)[slate, slot],
        item=shown[slate, slot],
        clicked=shown[slate, slot] == _next_item(views, steps, at)[slate],
    )


def _next_item(views: Views, steps: Steps, at: NDArray[np.int64]) -> NDArray[np.int64]:
    after = np.minimum(at + 1, len(steps.item) - 1)
    same = (views.session[after] == views.session[at]) & (after > at)
    return np.where(same, steps.item[after], -1)
