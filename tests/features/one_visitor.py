"""The user side of one visitor, by name."""

from collections.abc import Sequence

import numpy as np

from endcap.config_features import FeatureConfig
from endcap.features.context import context_features
from endcap.features.item_table import ItemTable
from endcap.features.registry import names
from tests.features.small_items import histories

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
NOW = 10 * DAY + 14 * HOUR
"""1970-01-11 14:00 UTC, a Sunday."""

WEIGHTS = np.array([1, 2, 4], dtype=np.float32)
ONE_DAY = FeatureConfig(
    affinity_view_half_life_days=1.0,
    affinity_cart_half_life_days=1.0,
    affinity_purchase_half_life_days=1.0,
)

Events = Sequence[tuple[int, int, int]]
"""(time_ms, item, event type)"""


def features(
    events: Events,
    candidates: Sequence[int],
    items: ItemTable,
    *,
    now: int = NOW,
    config: FeatureConfig = ONE_DAY,
) -> dict[str, list[float]]:
    rows = context_features(
        histories([events], [now]),
        np.array([0, len(candidates)]),
        np.array(candidates, dtype=np.int32),
        items,
        config,
        WEIGHTS,
    )
    return {name: rows[:, i].tolist() for i, name in enumerate(names("user"))}
