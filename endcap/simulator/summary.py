"""The totals of a simulated shop."""

from dataclasses import dataclass

import numpy as np

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.drift import DriftPlan
from endcap.simulator.event_log import EVENT_NAMES, EventLog
from endcap.simulator.impressions import Impressions
from endcap.simulator.scales import Scale


@dataclass(frozen=True)
class SimulationSummary:
    """The totals of a simulated shop, over well-formed rows; duplicates are counted."""

    scale: str
    seed: int
    events: int
    views: int
    carts: int
    transactions: int
    visitors: int
    items_with_events: int
    property_rows: int
    property_items: int
    categories: int
    category_trees: int
    duplicates: int
    impressions: int
    malformed_events: int
    malformed_properties: int
    first_event_ms: int
    last_event_ms: int
    drift: str | None = None
    drift_at_ms: int | None = None


def summarise(
    scale: Scale,
    seed: int,
    plan: DriftPlan | None,
    catalogue: Catalogue,
    log: EventLog,
    shown: Impressions,
    property_rows: int,
    malformed: tuple[int, int],
) -> SimulationSummary:
    """Count everything; `malformed`: broken rows among events and among properties."""
    kinds = np.bincount(log.kind, minlength=len(EVENT_NAMES))
    return SimulationSummary(
        scale=scale.name,
        seed=seed,
        events=len(log),
        views=int(kinds[0]),
        carts=int(kinds[1]),
        transactions=int(kinds[2]),
        visitors=len(np.unique(log.visitor)),
        items_with_events=len(np.unique(log.item)),
        property_rows=property_rows,
        property_items=len(catalogue),
        categories=len(catalogue.tree.ids),
        category_trees=int((catalogue.tree.parent < 0).sum()),
        duplicates=int(log.duplicate.sum()),
        impressions=len(shown.item),
        malformed_events=malformed[0],
        malformed_properties=malformed[1],
        first_event_ms=int(log.time_ms[0]),
        last_event_ms=int(log.time_ms[-1]),
        drift=plan.kind.value if plan else None,
        drift_at_ms=plan.at_ms if plan else None,
    )
