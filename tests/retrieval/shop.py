"""A small random shop, and histories to ask about."""

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import AlsConfig, ColdItemsConfig, RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog, from_events
from endcap.retrieval.catalogue import Catalogue

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CUT_MS = 100 * DAY_MS
WEIGHTS = np.array([1.0, 2.0, 3.0], dtype=np.float32)
CONFIG = RetrievalConfig(
    cold=ColdItemsConfig(max_events=20),
    als=AlsConfig(factors=8, iterations=3, alpha=10.0, regularization=1.0),
)

Event = tuple[int, int]
"""(item code, event type code)"""


def log_of(*visits: list[Event], n_items: int, first_ms: int = CUT_MS - DAY_MS) -> InteractionLog:
    """Return a log with one visitor a list, events an hour apart."""
    rows = [
        (user, item, kind, first_ms + step * HOUR_MS)
        for user, visit in enumerate(visits)
        for step, (item, kind) in enumerate(visit)
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return from_events(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2].astype(np.int8),
        table[:, 3],
        n_users=len(visits),
        n_items=n_items,
    )


def random_log(seed: int, *, n_users: int = 80, n_items: int = 60, mean: int = 8) -> InteractionLog:
    """Return visitors who each keep to a neighbourhood of items. Item 7 has no event."""
    rng = np.random.default_rng(seed)
    m = n_users * mean
    user = rng.integers(0, n_users, m)
    item = (user * 3 + rng.integers(0, 10, m)) % n_items
    item[item == 7] = 8
    return from_events(
        user.astype(np.int32),
        item.astype(np.int32),
        rng.integers(0, 3, m).astype(np.int8),
        rng.integers(CUT_MS - 20 * DAY_MS, CUT_MS, m),
        n_users=n_users,
        n_items=n_items,
    )


def histories_of(*visits: list[Event]) -> Histories:
    """Return one history a list, events a minute apart, the newest a minute before now."""
    sizes = np.array([len(visit) for visit in visits], dtype=np.int64)
    events = np.array([event for visit in visits for event in visit], dtype=np.int64).reshape(-1, 2)
    ptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    age = np.repeat(ptr[1:], sizes) - np.arange(len(events))
    return Histories(
        ptr=ptr,
        item=events[:, 0].astype(np.int32),
        event_type=events[:, 1].astype(np.int8),
        time_ms=CUT_MS - age * 60_000,
        now_ms=np.full(len(visits), CUT_MS, dtype=np.int64),
    )


def catalogue_of(n_items: int) -> Catalogue:
    """Return six categories in two trees, items dealt into them, prices rising with the code."""
    item = np.arange(n_items)
    return Catalogue(
        category=(item % 6).astype(np.int32),
        category_parent=np.array([-1, -1, 0, 0, 1, 1], dtype=np.int32),
        log_price=np.log1p(item).astype(np.float32),
    )


def random_histories(seed: int, *, n: int, n_items: int, longest: int = 70) -> Histories:
    """Return histories of 0 to `longest` events; some items are unknown (-1 or too new)."""
    rng = np.random.default_rng(seed)
    visits = []
    for _ in range(n):
        size = int(rng.integers(0, longest + 1)) if rng.random() < 0.3 else int(rng.integers(0, 5))
        items = rng.integers(-1, n_items + 2, size)
        kinds = rng.integers(0, 3, size)
        visits.append(list(zip(items.tolist(), kinds.tolist(), strict=True)))
    return histories_of(*visits)


def items_of(ptr: NDArray[np.int64], item: NDArray[np.int32], row: int = 0) -> list[int]:
    """Return one visitor's items as a list."""
    listed: list[int] = item[ptr[row] : ptr[row + 1]].tolist()
    return listed
