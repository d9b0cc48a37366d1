import pytest

from endcap.config_retrieval import RetrievalConfig, SequentialRulesConfig
from endcap.retrieval.sequential_rules import SequentialRulesSource
from tests.retrieval.shop import CUT_MS, WEIGHTS, histories_of, log_of
from tests.retrieval.source_contract import SourceContract


class TestSequentialRulesContract(SourceContract):
    source = SequentialRulesSource


def test_a_rule_points_forward_and_a_later_step_counts_less() -> None:
    settings = SequentialRulesConfig(
        max_gap_hours=1e9, half_life_days=1e9, max_steps=2, prior_weight=0.5, query_events=1
    )
    fitted = SequentialRulesSource.fit(
        log_of([(0, 0), (1, 0), (2, 0)], n_items=3),
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=RetrievalConfig(sequential_rules=settings),
        seed=1,
        threads=1,
    )
    proposals = fitted.propose(histories_of([(0, 0)], [(2, 0)]), 5)
    # Out of item 0: item 1 a step later (1), item 2 two steps later (1/2), half a one for the rest.
    assert proposals.ptr.tolist() == [0, 2, 2]
    assert proposals.item.tolist() == [1, 2]
    assert proposals.score.tolist() == pytest.approx([1 / 2, 0.5 / 2])
