import numpy as np
import pytest

from endcap.dataset.histories import Histories
from endcap.drift.traffic import COLUMNS, traffic_columns
from tests.serving.small_shop import item_table

HOUR_MS = 3_600_000


def traffic(*visitors: list[tuple[int, int, int]]) -> Histories:
    """Each visitor's events: item, event type, time."""
    events = [event for visitor in visitors for event in visitor]
    columns = list(zip(*events, strict=True)) or [(), (), ()]
    return Histories(
        ptr=np.cumsum([0, *map(len, visitors)]).astype(np.int64),
        item=np.array(columns[0], dtype=np.int32),
        event_type=np.array(columns[1], dtype=np.int8),
        time_ms=np.array(columns[2], dtype=np.int64),
        now_ms=np.zeros(len(visitors), dtype=np.int64),
    )


ITEMS = item_table()
POPULARITY = np.arange(ITEMS.n_items, dtype=np.float32)


def columns(*visitors: list[tuple[int, int, int]], seed: int = 1) -> dict[str, np.ndarray]:
    return dict(traffic_columns(traffic(*visitors), ITEMS, POPULARITY, seed=seed))


def test_each_visitor_has_one_value_a_column() -> None:
    found = columns([(1, 0, 0), (2, 0, 5), (3, 0, 9)], [(4, 0, 0)], [])

    assert tuple(found) == COLUMNS
    assert {len(values) for values in found.values()} == {2}


def test_an_event_is_described_by_what_its_item_was() -> None:
    found = columns([(5, 1, 13 * HOUR_MS + HOUR_MS // 2)])

    assert found["log_price"] == pytest.approx([ITEMS.log_price[5]])
    assert found["in_stock"] == pytest.approx([ITEMS.available[5]])
    assert found["popularity_rank"] == pytest.approx([5.5 / ITEMS.n_items])
    assert found["hour_of_day"] == pytest.approx([13.5])
    assert (found["added_to_cart"][0], found["bought"][0]) == (1.0, 0.0)
    assert np.isnan(found["log_seconds_since_previous"][0])


def test_an_unknown_item_is_unknown_and_has_no_price() -> None:
    found = columns([(-1, 2, 0)])

    assert (found["known_item"][0], found["bought"][0]) == (0.0, 1.0)
    for column in ("log_price", "in_stock", "popularity_rank", "category_rank"):
        assert np.isnan(found[column][0])


def test_sessions_end_after_the_timeout_and_with_the_visitor() -> None:
    timeout = int(ITEMS.session_timeout_ms[0])
    visits = [(1, 0, 0), (1, 0, timeout), (1, 0, 2 * timeout + 1)]
    other = [(1, 0, 2 * timeout + 2)]
    lengths = {
        (float(found["events_in_session"][0]), float(found["events_in_session"][1]))
        for found in (columns(visits, other, seed=seed) for seed in range(30))
    }
    assert lengths == {(2.0, 1.0), (1.0, 1.0)}


def test_the_time_since_the_event_before_is_the_visitors_own() -> None:
    visitors = [[(1, 0, 0), (1, 0, 60_000)], [(1, 0, 500)]]
    gaps = {columns(*visitors, seed=seed)["log_seconds_since_previous"][0] for seed in range(30)}
    gaps = {gap for gap in gaps if not np.isnan(gap)}
    assert gaps == {np.log1p(60.0)}


def test_no_traffic_has_no_values() -> None:
    assert {len(values) for values in columns().values()} == {0}


def test_the_same_seed_draws_the_same_events() -> None:
    visitor = [(item, 0, item * HOUR_MS) for item in range(20)]
    first, again = columns(visitor, seed=3), columns(visitor, seed=3)
    for column in COLUMNS:
        np.testing.assert_array_equal(first[column], again[column])
