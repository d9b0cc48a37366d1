from math import log, nan

import numpy as np
import pytest

from endcap.features.registry import names
from tests.features.one_visitor import features
from tests.features.small_items import item_table

ITEMS = item_table(price=[10.0, 20.0, 40.0, nan], category=[0, 0, 1, 1], parent=[-1, -1])
ITEMS.features[:, names("item").index("price_rank_in_category")] = [0.0, 1.0, nan, nan]


def test_the_price_level_is_the_mean_of_the_logarithms() -> None:
    found = features([(0, 0, 0), (1, 2, 0), (2, 3, 0)], [0], ITEMS)
    prices = np.log([10, 40])
    assert found["history_log_price"] == pytest.approx([prices.mean()])
    assert found["history_price_spread"] == pytest.approx([prices.std()])


def test_the_distance_within_the_category_is_to_their_items_in_it() -> None:
    found = features([(0, 0, 0), (1, 0, 0), (2, 2, 0)], [1, 2, 3], ITEMS)
    assert found["log_price_vs_category"] == pytest.approx([log(2), 0, nan], nan_ok=True, abs=1e-6)


def test_ranks_tell_who_buys_cheap() -> None:
    found = features([(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 2, 0)], [0, 1, 2], ITEMS)
    assert found["history_price_rank"] == [1 / 4] * 3
    assert found["price_rank_vs_mean"] == pytest.approx([-1 / 4, 3 / 4, nan], nan_ok=True)


def test_without_prices_nothing_is_known() -> None:
    found = features([(0, 3, 0), (1, -1, 0)], [0], ITEMS)
    for name in ("log_price_vs_mean", "log_price_vs_category", "price_rank_vs_mean"):
        assert found[name] == pytest.approx([nan], nan_ok=True)
    for name in ("history_log_price", "history_price_spread", "history_price_rank"):
        assert found[name] == pytest.approx([nan], nan_ok=True)
