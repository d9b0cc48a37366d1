from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from tests.features.canonical_shop import (
    DAY,
    START,
    Event,
    Property,
    family_columns,
    price,
    write_shop,
)

CUT = START + 40 * DAY


def _columns(
    tmp_path: Path,
    properties: list[Property],
    items: str = "a",
    categories: Sequence[tuple[str, str | None]] = (),
    config: FeatureConfig | None = None,
) -> dict[str, NDArray[np.float32]]:
    events = [Event(START + number, 0, item) for number, item in enumerate(items)]
    clean = write_shop(tmp_path / "clean", events, properties, categories)
    return family_columns("prices", clean, tmp_path / "out", CUT, config)


def test_price_is_the_one_valid_just_before_the_cut(tmp_path: Path) -> None:
    columns = _columns(
        tmp_path,
        [
            price("a", 10, START, CUT - 10 * DAY),
            price("a", 20, CUT - 10 * DAY, CUT),
            price("a", 40, CUT),
        ],
    )
    assert columns["price"].tolist() == [20]
    assert columns["price_change_7d"].tolist() == [0]
    assert columns["price_change_30d"].tolist() == pytest.approx([log(2)])


@pytest.mark.parametrize("damaged", [0.0, -5.0, 1e24, float("nan"), float("inf")])
def test_a_damaged_price_is_missing(tmp_path: Path, damaged: float) -> None:
    columns = _columns(
        tmp_path, [Property("a", "790", f"n{damaged}", START), Property("a", "available", "1", 0)]
    )
    assert np.isnan(columns["price"]).all()
    assert np.isnan(columns["price_change_7d"]).all()
    assert columns["available"].tolist() == [1]


def test_rank_is_the_share_of_cheaper_items_in_the_category(tmp_path: Path) -> None:
    prices = {"a": 30, "b": 10, "c": 20, "d": 20, "e": 5}
    properties = [price(item, value, START) for item, value in prices.items()]
    properties += [Property(item, "categoryid", "7", START) for item in "abcdf"]
    properties += [Property("e", "categoryid", "8", START)]
    rank = _columns(tmp_path, properties, "abcdefg")["price_rank_in_category"]
    # Of a, b, c, d; c and d tie. e is alone, f has no price, g nothing.
    assert rank[:4].tolist() == pytest.approx([3 / 3, 0 / 3, 1 / 3, 1 / 3])
    assert np.isnan(rank[4:]).all()


def test_availability_is_as_of_the_cut(tmp_path: Path) -> None:
    columns = _columns(
        tmp_path,
        [
            Property("a", "available", "1", START, CUT - DAY),
            Property("a", "available", "0", CUT - DAY),
            Property("b", "available", "0", START, CUT - DAY),
            Property("b", "available", "1", CUT - DAY, CUT + DAY),
        ],
        "abc",
    )
    assert columns["available"][:2].tolist() == [0, 1]
    assert np.isnan(columns["available"][2])


def test_a_zscore_is_of_log_prices_within_the_category(tmp_path: Path) -> None:
    prices = {"a": 10, "b": 100, "c": 1000, "d": 5, "e": 5, "f": 5, "g": 5}
    categories = {"a": "7", "b": "7", "c": "7", "d": "8", "e": "9", "f": "9"}
    properties = [price(item, value, START) for item, value in prices.items()]
    properties += [Property(i, "categoryid", value, START) for i, value in categories.items()]
    zscore = _columns(tmp_path, properties, "abcdefg")["price_zscore_in_category"]
    # Logs 1, 2, 3 times ln 10: mean 2, standard deviation sqrt(2 / 3).
    assert zscore[:3].tolist() == pytest.approx([-((3 / 2) ** 0.5), 0, (3 / 2) ** 0.5], abs=1e-4)
    # d is alone, e and f cost the same, g is nowhere.
    assert np.isnan(zscore[3:]).all()


def test_the_parent_category_joins_siblings(tmp_path: Path) -> None:
    categories = {"a": "boots", "b": "shoes", "c": "hats", "d": "shop", "e": "lost"}
    prices = {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50}
    tree = [("boots", "feet"), ("shoes", "feet"), ("feet", "shop"), ("hats", "shop")]
    properties = [price(item, value, START) for item, value in prices.items()]
    properties += [Property(i, "categoryid", value, START) for i, value in categories.items()]
    columns = _columns(tmp_path, properties, "abcde", [*tree, ("shop", None)])
    rank, zscore = (columns[f"price_{name}_in_parent_category"] for name in ("rank", "zscore"))
    assert rank[:2].tolist() == [0, 1]
    assert zscore[:2].tolist() == pytest.approx([-1, 1], abs=1e-4)
    # Alone below the shop; without parent; not in the tree.
    assert np.isnan(rank[2:]).all()
    assert np.isnan(zscore[2:]).all()


def test_a_discount_is_measured_from_the_highest_price_of_the_month(tmp_path: Path) -> None:
    properties = [
        price("a", 200, START, CUT - 30 * DAY),
        price("a", 100, CUT - 30 * DAY, CUT - 20 * DAY),
        price("a", 80, CUT - 20 * DAY),
        price("b", 100, START, CUT - 30 * DAY + 1),
        price("b", 95, CUT - 30 * DAY + 1),
        price("c", 10, START, CUT - 5 * DAY),
    ]
    columns = _columns(tmp_path, properties, "abc", config=FeatureConfig(min_discount=0.1))
    assert columns["price_vs_high_30d"][:2].tolist() == pytest.approx([log(0.8), log(0.95)])
    assert columns["discounted"][:2].tolist() == [1, 0]
    assert np.isnan([columns["discounted"][2], columns["price_vs_high_30d"][2]]).all()


def test_standing_ignores_damaged_prices(tmp_path: Path) -> None:
    prices = {"a": 10.0, "b": 20.0, "c": 1e24, "d": -1.0, "e": 0.0}
    properties = [price(item, value, START) for item, value in prices.items()]
    properties += [Property(item, "categoryid", "7", START) for item in prices]
    columns = _columns(tmp_path, properties, "abcde")
    assert columns["price_rank_in_category"][:2].tolist() == [0, 1]
    assert columns["price_zscore_in_category"][:2].tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert np.isnan(columns["price_zscore_in_category"][2:]).all()
