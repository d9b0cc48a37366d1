from math import log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from tests.features.canonical_shop import (
    BUY,
    CART,
    DAY,
    HOUR,
    START,
    Event,
    family_columns,
    write_shop,
)

CUT = START + 40 * DAY


def _columns(
    tmp_path: Path, events: list[Event], config: FeatureConfig | None = None
) -> dict[str, NDArray[np.float32]]:
    clean = write_shop(tmp_path / "clean", events)
    return family_columns("temporal", clean, tmp_path / "out", CUT, config)


def test_counts_fall_into_windows_that_end_before_the_cut(tmp_path: Path) -> None:
    columns = _columns(
        tmp_path,
        [
            Event(CUT - 35 * DAY, 0, "a"),
            Event(CUT - 7 * DAY, 0, "a"),
            Event(CUT - DAY, 0, "a"),
            Event(CUT - DAY, 0, "a", CART),
            Event(CUT - 1, 0, "a", BUY),
            Event(CUT, 0, "a"),
        ],
    )
    assert [columns[f"views_{days}d"][0] for days in (1, 7, 30)] == [1, 2, 2]
    assert [columns[f"carts_{days}d"][0] for days in (1, 7, 30)] == [1, 1, 1]
    assert [columns[f"purchases_{days}d"][0] for days in (1, 7, 30)] == [1, 1, 1]


def test_rates_are_smoothed_towards_the_shop(tmp_path: Path) -> None:
    events = [Event(CUT - 10, user, "a") for user in range(3)]
    events += [Event(CUT - 10, 0, "b"), Event(CUT - 5, 0, "b", CART)]
    columns = _columns(tmp_path, events, FeatureConfig(rate_prior_views=8.0))
    # One cart for four views in the whole shop.
    assert columns["cart_rate_7d"][0] == pytest.approx((0 + 8 * 1 / 4) / (3 + 8))
    assert columns["cart_rate_7d"][1] == pytest.approx((1 + 8 * 1 / 4) / (1 + 8))
    assert columns["buy_rate_7d"].tolist() == [0, 0]


def test_rates_are_missing_while_nobody_views(tmp_path: Path) -> None:
    columns = _columns(tmp_path, [Event(CUT - 5, 0, "a", CART)])
    assert columns["cart_rate_1d"][0] != columns["cart_rate_1d"][0]


def test_bots_are_left_out_but_their_item_is_known(tmp_path: Path) -> None:
    columns = _columns(tmp_path, [Event(CUT - 2 * DAY, 0, "a", bot=True)])
    assert columns["views_7d"].tolist() == [0]
    assert columns["age_days"].tolist() == [2]
    assert columns["idle_days"][0] != columns["idle_days"][0]


def test_age_and_idleness_are_counted_from_the_cut(tmp_path: Path) -> None:
    events = [Event(CUT - 3 * DAY, 0, "a"), Event(CUT - DAY // 2, 0, "a")]
    columns = _columns(tmp_path, events)
    assert columns["age_days"].tolist() == [3]
    assert columns["idle_days"].tolist() == [0.5]


def test_a_visitor_counts_once_in_each_window(tmp_path: Path) -> None:
    events = [Event(CUT - 20 * DAY, 0, "a"), Event(CUT - 20 * DAY, 1, "a")]
    events += [Event(CUT - 3 * DAY, 1, "a"), Event(CUT - 2 * DAY, 1, "a", CART)]
    events += [Event(CUT - 1, 2, "a")]
    columns = _columns(tmp_path, events)
    assert [columns[f"visitors_{days}d"][0] for days in (1, 7, 30)] == [1, 2, 3]


def test_purchases_per_cart_have_a_prior_of_carts(tmp_path: Path) -> None:
    events = [Event(CUT - 9, user, "a", CART) for user in range(4)]
    events += [Event(CUT - 8, 0, "a", BUY), Event(CUT - 7, 1, "a", BUY), Event(CUT - 9, 0, "b")]
    config = FeatureConfig(rate_prior_carts=3.0)
    rate = _columns(tmp_path, events, config)["checkout_rate_7d"]
    # Two purchases for four carts in the whole shop, all on a.
    assert rate.tolist() == pytest.approx([(2 + 3 / 2) / (4 + 3), (0 + 3 / 2) / (0 + 3)])


def test_a_trend_compares_the_newest_days_with_the_usual_ones(tmp_path: Path) -> None:
    events = [Event(CUT - 1, user, "a") for user in range(3)]
    events += [Event(CUT - 3 * DAY, user, "a") for user in range(4)]
    events += [Event(CUT - 20 * DAY, 0, "a"), Event(CUT - 20 * DAY, 0, "b", CART)]
    columns = _columns(tmp_path, events)
    # "a" was seen first. 3 views in a day, 7 in a week, 8 in a month.
    assert columns["views_trend_1d"][0] == pytest.approx(log((3 + 1) / (7 / 7 + 1)))
    assert columns["views_trend_7d"][0] == pytest.approx(log((7 + 1) / (8 * 7 / 30 + 1)))
    assert columns["views_trend_7d"][1] == 0
    assert columns["carts_trend_7d"].tolist() == pytest.approx([0, log(1 / (1 * 7 / 30 + 1))])


def test_times_of_day_and_week_are_shares_smoothed_towards_the_shop(tmp_path: Path) -> None:
    monday = START + 35 * DAY
    saturday = monday - 2 * DAY
    events = [Event(monday + 5 * HOUR, 0, "a"), Event(saturday + 6 * HOUR, 0, "a")]
    events += [Event(monday - 1, 0, "a"), Event(monday + 18 * HOUR, 0, "b", CART)]
    config = FeatureConfig(shape_prior_events=2.0)
    columns = _columns(tmp_path, events, config)
    # Of the shop's four events one is at night, two in the evening, two on the weekend.
    assert columns["night_share"].tolist() == pytest.approx([(1 + 0.5) / 5, (0 + 0.5) / 3])
    assert columns["evening_share"].tolist() == pytest.approx([(1 + 1) / 5, (1 + 1) / 3])
    assert columns["weekend_share"].tolist() == pytest.approx([(2 + 1) / 5, (0 + 1) / 3])


def test_idleness_is_known_by_type(tmp_path: Path) -> None:
    events = [Event(CUT - 35 * DAY, 0, "a", CART), Event(CUT - 33 * DAY, 0, "a", BUY)]
    events += [Event(CUT - DAY, 0, "a"), Event(CUT - DAY, 0, "b")]
    columns = _columns(tmp_path, events)
    assert [columns[f"days_since_{name}"][0] for name in ("cart", "purchase")] == [35, 33]
    assert np.isnan([columns[f"days_since_{name}"][1] for name in ("cart", "purchase")]).all()
