import numpy as np
import pytest

from endcap.config_retrieval import ColdItemsConfig, RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.cold_items import ColdItemsSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract


class TestColdItemsContract(SourceContract):
    source = ColdItemsSource


def fitted(**changes: int) -> ColdItemsSource:
    """Item 0 is warm; 1 to 4 are cold; 4 is of another category, 3 has no price."""
    settings = {"max_events": 1, "price_half_width": 1.0, **changes}
    return ColdItemsSource.fit(
        log_of([(0, 0), (0, 0)], [(1, 0)], [(2, 0)], [(3, 0)], [(4, 0)], n_items=5),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(cold=ColdItemsConfig.model_validate(settings)),
        seed=1,
        threads=1,
        catalogue=Catalogue(
            category=np.array([0, 0, 0, 0, 1], dtype=np.int32),
            category_parent=np.array([-1, -1], dtype=np.int32),
            log_price=np.array([2.0, 3.0, 2.5, np.nan, 2.0], dtype=np.float32),
        ),
    )


def test_cold_items_of_the_category_come_nearest_price_first() -> None:
    proposals = fitted().propose(histories_of([(0, 0)]), 10)
    assert proposals.item.tolist() == [2, 1, 3]
    assert proposals.score.tolist() == pytest.approx([2**-0.5, 0.5, 0.25])


def test_a_category_keeps_its_newest_items() -> None:
    assert fitted(items_per_category=1).propose(histories_of([(0, 0)]), 10).item.tolist() == [3]


def test_an_item_with_enough_events_is_not_cold() -> None:
    assert 0 not in fitted().propose(histories_of([(0, 0)], [(4, 0)]), 10).item
