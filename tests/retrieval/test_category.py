import numpy as np
import pytest

from endcap.config_retrieval import CategoryConfig, RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.category import CategorySource
from tests.retrieval.shop import CUT_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract


class TestCategoryContract(SourceContract):
    source = CategorySource


def fitted(catalogue: Catalogue | None) -> CategorySource:
    settings = CategoryConfig(
        half_life_days=1e9, levels=2, parent_weight=0.5, recency_half_life_events=1.0
    )
    # Item 0 is viewed three times, item 1 once, item 2 four times, item 3 twice.
    visits = [[(0, 0)] * 3, [(1, 0)], [(2, 0)] * 4, [(3, 0)] * 2]
    return CategorySource.fit(
        log_of(*visits, n_items=5),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(category=settings),
        seed=1,
        threads=1,
        catalogue=catalogue,
    )


def shelf() -> Catalogue:
    """Items 0 and 1 in category 1, item 2 in category 2, both below category 0; the rest alone."""
    return Catalogue(
        category=np.array([1, 1, 2, -1, 2], dtype=np.int32),
        category_parent=np.array([-1, 0, 0], dtype=np.int32),
        log_price=np.zeros(5, dtype=np.float32),
    )


def test_a_category_backs_off_to_the_one_above() -> None:
    proposals = fitted(shelf()).propose(histories_of([(1, 0)]), 10)
    # Own category: 3/4 and 1/4. One level up, half as much: 3/8, 1/8 and 4/8 of its traffic.
    expected = {0: 3 / 4 + 3 / 16, 1: 1 / 4 + 1 / 16, 2: 1 / 4}
    assert proposals.item.tolist() == [0, 1, 2]
    assert proposals.score.tolist() == pytest.approx(list(expected.values()))


def test_an_older_event_counts_half() -> None:
    proposals = fitted(shelf()).propose(histories_of([(1, 0), (2, 0)]), 10)
    score = dict(zip(proposals.item.tolist(), proposals.score.tolist(), strict=True))
    # Category 2 from the newest event, category 1 from the one before, 0 above both.
    assert score[2] == pytest.approx(1.0 + 1.5 * 0.5 * 4 / 8)
    assert score[0] == pytest.approx(0.5 * 3 / 4 + 1.5 * 0.5 * 3 / 8)


def test_an_item_without_category_or_events_has_no_say_and_is_not_proposed() -> None:
    proposals = fitted(shelf()).propose(histories_of([(3, 0)], [(2, 0)]), 10)
    assert proposals.ptr.tolist() == [0, 0, 3]
    assert sorted(proposals.item.tolist()) == [0, 1, 2]


def test_without_a_catalogue_nothing_is_proposed() -> None:
    assert len(fitted(None).propose(histories_of([(0, 0)]), 10).item) == 0
