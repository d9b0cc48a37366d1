from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq

from endcap.simulator.scales import HOUR_MS, TINY, WEEK_MS
from tests.simulator import reading
from tests.simulator.conftest import Written


def test_events_are_in_order_of_time_and_inside_the_period(clean_tiny: Written) -> None:
    times = [event.time_ms for event in reading.events(clean_tiny.folder)]
    assert times == sorted(times)
    assert TINY.start_ms <= times[0]
    assert times[-1] < TINY.end_ms


def test_only_the_planned_rows_are_exact_duplicates(clean_tiny: Written) -> None:
    counts = Counter(reading.events(clean_tiny.folder))
    assert sum(count - 1 for count in counts.values()) == TINY.duplicates
    marked = pq.read_table(clean_tiny.folder / "truth" / "events.parquet")["duplicate"]
    assert marked.to_numpy().sum() == TINY.duplicates


def test_only_transactions_have_a_number_and_one_visitor_owns_it(clean_tiny: Written) -> None:
    owners = defaultdict(set)
    for event in reading.events(clean_tiny.folder):
        assert bool(event.transaction) == (event.kind == "transaction")
        if event.transaction:
            owners[event.transaction].add((event.visitor, event.time_ms))
    assert all(len(owner) == 1 for owner in owners.values())


def test_a_transaction_follows_a_cart_and_a_cart_follows_a_view(clean_tiny: Written) -> None:
    reached: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for event in reading.events(clean_tiny.folder):
        pair = (event.visitor, event.item)
        if event.kind != "view":
            assert pair in reached["view" if event.kind == "addtocart" else "addtocart"]
        reached[event.kind].add(pair)


def test_nothing_out_of_stock_is_sold(clean_tiny: Written) -> None:
    available = np.load(clean_tiny.folder / "truth" / "available.npy")
    ids = pq.read_table(clean_tiny.folder / "truth" / "items.parquet")["itemid"].to_pylist()
    index = {str(item): at for at, item in enumerate(ids)}
    out_of_stock_views = 0
    for event in reading.events(clean_tiny.folder):
        week = max((event.time_ms - TINY.start_ms) // WEEK_MS - 1, 0)
        in_stock = available[index[event.item], min(week, available.shape[1] - 1)]
        assert in_stock or event.kind == "view"
        out_of_stock_views += not in_stock
    assert out_of_stock_views > 0


def test_a_bot_is_far_busier_than_any_human(clean_tiny: Written) -> None:
    visitors = pq.read_table(clean_tiny.folder / "truth" / "visitors.parquet").to_pydict()
    bots = {
        str(visitor)
        for visitor, bot in zip(visitors["visitorid"], visitors["bot"], strict=True)
        if bot
    }
    by_minute = Counter(
        (event.visitor, event.time_ms // 60_000) for event in reading.events(clean_tiny.folder)
    )
    busy = {visitor for (visitor, _minute), count in by_minute.items() if count > 60}
    assert busy == bots
    assert len(bots) == TINY.bots


def test_humans_pause_under_half_an_hour_in_a_session_or_an_hour_between(
    clean_tiny: Written,
) -> None:
    views = defaultdict(list)
    for event in reading.events(clean_tiny.folder):
        if event.kind == "view":
            views[event.visitor].append(event.time_ms)
    gaps = [b - a for times in views.values() for a, b in pairwise(times)]
    assert not [gap for gap in gaps if HOUR_MS / 2 <= gap < HOUR_MS]
