"""Weekly prices and availability."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.drift import Drift, DriftPlan
from endcap.simulator.scales import WEEK_MS, Scale

_PRICE_STEP: Final = 120
_PROMOTION_SHARE: Final = 0.06
_REPRICED_SHARE: Final = 0.04
_SELLS_OUT: Final = 0.05
_RESTOCKED: Final = 0.45


@dataclass(frozen=True)
class Shelf:
    """Prices int64[items, snapshots] and availability bool[items, snapshots].

    What a snapshot says holds until the next one; before the first, the first holds.
    """

    start_ms: int
    price: NDArray[np.int64]
    available: NDArray[np.bool_]

    @property
    def snapshot_ms(self) -> NDArray[np.int64]:
        """When each snapshot was taken."""
        return self.start_ms + (np.arange(self.price.shape[1]) + 1) * WEEK_MS

    def week(self, time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the snapshot in force at each moment."""
        return np.clip((time_ms - self.start_ms) // WEEK_MS - 1, 0, self.price.shape[1] - 1)


def fill_shelf(catalogue: Catalogue, scale: Scale, rng: np.random.Generator) -> Shelf:
    """Return weekly prices (promotions, re-pricing) and availability (a two-state chain)."""
    n, weeks = len(catalogue), scale.snapshots
    level = np.log(catalogue.base_price)
    price = np.empty((n, weeks), dtype=np.int64)
    available = np.empty((n, weeks), dtype=np.bool_)
    in_stock = rng.random(n) < np.where(catalogue.weight > 0, 0.88, 0.25)
    for week in range(weeks):
        repriced = rng.random(n) < _REPRICED_SHARE
        level = level + repriced * rng.normal(0, 0.08, n)
        promoted = rng.random(n) < _PROMOTION_SHARE
        discount = promoted * rng.uniform(0.1, 0.4, n)
        price[:, week] = _rounded(np.exp(level) * (1 - discount))
        u = rng.random(n)
        in_stock = np.where(in_stock, u >= _SELLS_OUT, u < _restocking(catalogue))
        available[:, week] = in_stock
    return Shelf(scale.start_ms, price, available)


def drift_shelf(
    shelf: Shelf,
    catalogue: Catalogue,
    plan: DriftPlan | None,
    retired: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Shelf:
    """Return the shelf with the price level raised, or the `retired` items gone, from the date."""
    if plan is None or plan.kind is Drift.BEHAVIOUR:
        return shelf
    later = shelf.snapshot_ms >= plan.at_ms
    if plan.kind is Drift.CATALOGUE:
        return replace(shelf, available=shelf.available & ~(retired[:, None] & later))
    by_tree = np.exp(rng.normal(0.35, 0.15, len(catalogue.tree.ids)))
    factor = by_tree[catalogue.tree.root[catalogue.category]]
    price = np.where(later, _rounded(shelf.price * factor[:, None]), shelf.price)
    return replace(shelf, price=price)


def _rounded(price: NDArray[Any]) -> NDArray[np.int64]:
    return np.maximum(np.round(price / _PRICE_STEP), 1).astype(np.int64) * _PRICE_STEP


def _restocking(catalogue: Catalogue) -> NDArray[np.float64]:
    return np.where(catalogue.weight > 0, _RESTOCKED, 0.03)
