import pytest

from endcap.config_retrieval import RetrievalConfig
from endcap.retrieval.own_items import OwnItemsSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract


class TestOwnItemsContract(SourceContract):
    source = OwnItemsSource


def own_items(config: RetrievalConfig) -> OwnItemsSource:
    log = log_of([(0, 0)], n_items=10)
    return OwnItemsSource.fit(
        log, cut_ms=CUT_MS, event_weights=WEIGHTS, config=config, seed=0, threads=1
    )


def test_score_adds_recency_frequency_and_type() -> None:
    source = own_items(RetrievalConfig(own_decay=1.0))
    proposals = source.propose(histories_of([(4, 0), (5, 1), (4, 2)]), 5)
    assert proposals.item.tolist() == [4, 5]
    assert proposals.score.tolist() == pytest.approx([3 + 1 / 3, 2 / 2])


def test_by_default_a_habit_outlasts_the_last_visit_but_not_the_newest_event() -> None:
    habit, last_visit = [(1, 0)] * 8, [(item, 0) for item in (2, 3, 4, 5)]
    proposals = own_items(RetrievalConfig()).propose(histories_of([*habit, *last_visit]), 5)
    assert proposals.item.tolist() == [1, 5, 4, 3, 2]
    once_more = own_items(RetrievalConfig()).propose(histories_of([*habit[:2], *last_visit]), 5)
    assert once_more.item.tolist()[0] == 5


def test_without_decay_frequency_alone_counts() -> None:
    source = own_items(RetrievalConfig(own_decay=0.0))
    proposals = source.propose(histories_of([(4, 0), (4, 0), (5, 0), (6, 0), (5, 0), (4, 0)]), 5)
    assert proposals.item.tolist() == [4, 5, 6]
    assert proposals.score.tolist() == [3, 2, 1]


def test_only_the_newest_events_are_looked_at() -> None:
    source = own_items(RetrievalConfig(max_history=2))
    proposals = source.propose(histories_of([(1, 0), (2, 0), (3, 0)]), 5)
    assert proposals.item.tolist() == [3, 2]


def test_equal_scores_go_by_item_code() -> None:
    source = own_items(RetrievalConfig(own_decay=1.0))
    proposals = source.propose(histories_of([(9, 1), (3, 0)]), 5)
    assert proposals.score.tolist() == [1.0, 1.0]
    assert proposals.item.tolist() == [3, 9]


def test_an_empty_history_has_no_own_items() -> None:
    assert own_items(RetrievalConfig()).propose(histories_of([]), 5).item.tolist() == []
