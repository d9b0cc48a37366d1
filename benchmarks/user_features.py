"""Measure the user-side features: one visitor's candidates, and a million rows of training.

The shop is of RetailRocket's size, drawn at random with a fixed seed. Other work on the machine
only ever adds to a time, so both the minimum and the median are told. Run from the project's root:

    .venv/bin/python -m benchmarks.user_features
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.dataset.splits import DAY_MS
from endcap.features.context import context_features
from endcap.features.item_table import ItemTable
from endcap.features.registry import names

ITEMS = 235_000
CATEGORIES = 1_669
TREES = 25
TRANSITIONS = 1_000_000
PAIRS = 200_000
EVENTS = 50
MOST_EVENTS = 1000
CANDIDATES = 300
WEIGHTS = np.array([1, 2, 3], dtype=np.float32)


def random_items(rng: np.random.Generator) -> ItemTable:
    """Return a catalogue: prices, a tree of categories, transitions of all three orders."""
    price = np.exp(rng.normal(8, 1, ITEMS)).astype(np.float32)
    price[rng.random(ITEMS) < 0.1] = np.nan
    # A parent comes before its children; depth stays below ten, as in the published tree.
    parent = np.array(
        [-1] * TREES + [int(rng.integers(0, max(TREES, i // 4))) for i in range(TREES, CATEGORIES)],
        dtype=np.int32,
    )
    depth, root = np.zeros(CATEGORIES, np.int32), np.arange(CATEGORIES, dtype=np.int32)
    for child in range(TREES, CATEGORIES):
        depth[child], root[child] = depth[parent[child]] + 1, root[parent[child]]
    category = rng.integers(0, CATEGORIES, ITEMS).astype(np.int32)
    category[rng.random(ITEMS) < 0.05] = -1
    pairs = np.unique(rng.integers(0, ITEMS * ITEMS, PAIRS))
    return ItemTable(
        features=rng.random((ITEMS, len(names("item"))), dtype=np.float32),
        price=price,
        log_price=np.log(price),
        available=np.ones(ITEMS, dtype=np.float32),
        category=category,
        root=np.where(category < 0, -1, root[category]).astype(np.int32),
        category_ids=tuple(map(str, range(CATEGORIES))),
        category_parent=parent,
        category_depth=depth,
        pair_key=pairs,
        session_timeout_ms=np.array([1_800_000]),
        **_edges(rng, "transition", ITEMS, ITEMS, TRANSITIONS),
        **_edges(rng, "pair_transition", len(pairs), ITEMS, 2 * PAIRS),
        **_edges(rng, "category_transition", CATEGORIES, CATEGORIES, 100_000),
    )


def _edges(
    rng: np.random.Generator, name: str, rows: int, width: int, count: int
) -> dict[str, NDArray[Any]]:
    key = np.unique(rng.integers(0, rows * width, count))
    return {
        f"{name}_ptr": np.searchsorted(key, np.arange(rows + 1) * width),
        f"{name}_key": key,
        f"{name}_probability": rng.random(len(key), dtype=np.float32),
        f"{name}_support": np.ones(len(key), dtype=np.float32),
    }


def random_visitors(rng: np.random.Generator, count: int, events: int = EVENTS) -> Histories:
    """Return visitors of `events` events each, in sessions, some of them on items seen before."""
    gap_ms = np.where(rng.random((count, events)) < 0.15, DAY_MS, 40_000)
    time_ms = 400 * DAY_MS + np.cumsum(gap_ms, axis=1)
    item = rng.integers(-1, ITEMS, (count, events))
    again = rng.random((count, events)) < 0.4
    item[:, 1:] = np.where(again[:, 1:], item[:, :-1], item[:, 1:])
    return Histories(
        ptr=np.arange(count + 1) * events,
        item=item.ravel().astype(np.int32),
        event_type=rng.choice(3, count * events, p=[0.9, 0.07, 0.03]).astype(np.int8),
        time_ms=time_ms.ravel(),
        now_ms=time_ms[:, -1] + 60_000,
    )


def random_candidates(rng: np.random.Generator, histories: Histories) -> NDArray[np.int32]:
    """Return `CANDIDATES` items for each visitor; some are their own."""
    count = len(histories)
    items = rng.integers(0, ITEMS, (count, CANDIDATES))
    own = histories.item.reshape(count, -1)[:, :20]
    items[:, :20] = np.where(own >= 0, own, items[:, :20])
    return items.ravel().astype(np.int32)


def seconds(run: Callable[[], object], times: int) -> list[float]:
    """Return how long each of several runs took."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return taken


def peak_mib() -> float:
    """Return the most memory that the process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a line for visitors of as many events as count, of many, of one; the million rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    rng, config = np.random.default_rng(0), FeatureConfig()
    items = random_items(rng)
    print(f"{ITEMS:,} items, {EVENTS} events a visitor, {len(names('user'))} user-side features")

    visitors, heavy = random_visitors(rng, 200), random_visitors(rng, 200, MOST_EVENTS)
    candidates = random_candidates(rng, visitors)
    one = np.array([0, CANDIDATES])
    of_most: list[float] = []
    of_many: list[float] = []
    of_one: list[float] = []
    for visitor in range(len(visitors)):
        own = candidates[visitor * CANDIDATES : (visitor + 1) * CANDIDATES]
        past = visitors.slice(visitor, visitor + 1)
        event = Histories.of_one_event(int(own[-1]), int(past.now_ms[0]))
        long = heavy.slice(visitor, visitor + 1)
        for histories, taken in ((long, of_most), (past, of_many), (event, of_one)):
            run = partial(context_features, histories, one, own, items, config, WEIGHTS)
            taken.extend(seconds(run, 5))
    for events, taken in ((MOST_EVENTS, of_most), (EVENTS, of_many), (1, of_one)):
        print(
            f"1 visitor of {events} events x {CANDIDATES} candidates: "
            f"min {min(taken) * 1e3:.2f} ms, median {median(taken) * 1e3:.2f} ms"
        )

    count = arguments.rows // CANDIDATES + 1
    visitors = random_visitors(rng, count)
    candidates = random_candidates(rng, visitors)
    ptr = np.arange(count + 1) * CANDIDATES
    before = peak_mib()
    taken = seconds(
        lambda: context_features(visitors, ptr, candidates, items, config, WEIGHTS), arguments.runs
    )
    result_mib = len(candidates) * len(names("user")) * 4 / 2**20
    print(
        f"{len(candidates):,} rows: min {min(taken):.1f} s, median {median(taken):.1f} s, "
        f"peak {peak_mib():.0f} MiB, of it {before:.0f} before and {result_mib:.0f} the result"
    )


if __name__ == "__main__":
    main()
