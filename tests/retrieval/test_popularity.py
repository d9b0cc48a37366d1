import numpy as np
import pytest

from endcap.config_retrieval import RetrievalConfig
from endcap.retrieval.popularity import PopularitySource
from tests.retrieval.shop import CUT_MS, DAY_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract


class TestPopularityContract(SourceContract):
    source = PopularitySource


def test_score_is_the_sum_of_decayed_weights() -> None:
    log = log_of([(0, 0)], [(0, 2)], [(1, 1)], n_items=2, first_ms=CUT_MS - 7 * DAY_MS)
    fitted = PopularitySource.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(popularity_half_life_days=7.0),
        seed=0,
        threads=1,
    )
    proposals = fitted.propose(histories_of([]), 2)
    assert proposals.item.tolist() == [0, 1]
    assert proposals.score.tolist() == pytest.approx([(1 + 3) / 2, 2 / 2])


def test_the_whole_catalogue_is_listed_with_ties_by_item_code() -> None:
    log = log_of([(2, 0)], n_items=5)
    fitted = PopularitySource.fit(
        log, cut_ms=CUT_MS, event_weights=WEIGHTS, config=RetrievalConfig(), seed=0, threads=1
    )
    proposals = fitted.propose(histories_of([], [(1, 0)]), 100)
    assert proposals.item.tolist() == [2, 0, 1, 3, 4, 2, 0, 1, 3, 4]
    assert np.diff(proposals.ptr).tolist() == [5, 5]
