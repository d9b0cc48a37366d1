from math import log, sqrt

import numpy as np
import pytest

from endcap.config_retrieval import RetrievalConfig, TrendingConfig
from endcap.dataset.log import from_events
from endcap.retrieval.trending import TrendingSource
from tests.retrieval.shop import CUT_MS, DAY_MS, WEIGHTS, histories_of
from tests.retrieval.source_contract import SourceContract


class TestTrendingContract(SourceContract):
    source = TrendingSource


def test_what_grows_is_listed_by_growth_and_what_fades_is_not() -> None:
    # Item 0: one view a day ago. Item 1: one view 28 days ago. Item 2: one purchase a day ago.
    days = np.array([1, 28, 1])
    events = from_events(
        np.arange(3, dtype=np.int32),
        np.arange(3, dtype=np.int32),
        np.array([0, 0, 2], dtype=np.int8),
        CUT_MS - days * DAY_MS,
        n_users=3,
        n_items=3,
    )
    settings = TrendingConfig(half_life_days=1.0, against_half_life_days=14.0, prior_per_day=1.0)
    fitted = TrendingSource.fit(
        events,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(trending=settings),
        seed=1,
        threads=1,
    )
    proposals = fitted.propose(histories_of([]), 5)
    short, long = log(2) * 0.5, log(2) / 14 * 2 ** (-1 / 14)
    growth = [(w * short - w * long) / sqrt(w * long + 1) for w in (3, 1)]
    assert proposals.item.tolist() == [2, 0]
    assert proposals.score.tolist() == pytest.approx(growth)
