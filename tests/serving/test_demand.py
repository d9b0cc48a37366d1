import numpy as np

from endcap.serving.demand import in_demand
from endcap.serving.filters import ItemFilter
from endcap.serving.trending import WINDOWS_DAYS
from tests.serving.small_shop import fitted_model


def test_the_most_wanted_come_first_and_filters_hold() -> None:
    model = fitted_model()
    for days in WINDOWS_DAYS:
        every = in_demand(model, window_days=days, filters=ItemFilter(), k=1_000)
        assert (np.diff(every.demand) <= 0).all()
        assert (every.demand > 0).all()
        filters = ItemFilter(categories=frozenset({0}))
        some = in_demand(model, window_days=days, filters=filters, k=3)
        wanted = every.item[filters.allows(every.item, model.items)][:3]
        np.testing.assert_array_equal(some.item, wanted)
