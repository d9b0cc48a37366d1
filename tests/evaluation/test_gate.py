import math

import pytest

from endcap.config import GateConfig
from endcap.evaluation.bootstrap import Estimate
from endcap.evaluation.comparison import ChampionIdentity, ChampionScores, Judgement
from endcap.evaluation.gate import GateDecision, Outcome, decide
from endcap.evaluation.scoreboard import Scoreboard
from tests.evaluation.boards import board_of
from tests.evaluation.slices_of_traffic import FOLD

CONFIG = GateConfig(noninferiority_margin=0.05)
GOOD = board_of({"full_stack": 0.5, "recent_popular": 0.1})
EARLIER = ChampionIdentity("champion-1", cut_ms=FOLD.cut_ms - 1)
LATER = ChampionIdentity("champion-2", cut_ms=FOLD.cut_ms + 1)


def judge(
    board: Scoreboard = GOOD,
    champion: ChampionIdentity | None = None,
    comparison: ChampionScores | None = None,
    config: GateConfig = CONFIG,
) -> GateDecision:
    return decide(
        board,
        challenger_version="challenger",
        champion=champion,
        comparison=comparison,
        config=config,
    )


def compared(
    low: float,
    *,
    champion: ChampionIdentity = EARLIER,
    n: int = 500,
    judgement: Judgement = Judgement.WHOLE_SLICE,
) -> ChampionScores:
    """Return a comparison with a champion at .40 and a difference with this lower end."""
    difference = Estimate(low + 0.01, low, low + 0.02)
    level = Estimate(0.40, 0.38, 0.42)
    return ChampionScores(champion.version, champion.cut_ms, judgement, n, level, level, difference)


def test_the_first_model_is_promoted_when_it_beats_popularity() -> None:
    decision = judge()
    assert decision.promote
    assert "not worse than recent popularity" in decision.reasons[0]
    assert "there is no champion yet" in decision.reasons


def test_the_first_model_is_refused_when_popularity_is_better() -> None:
    decision = judge(board_of({"full_stack": 0.1, "recent_popular": 0.5}))
    assert decision.outcome is Outcome.KEEP
    assert "may be worse than recent popularity" in decision.reasons[0]


def test_a_model_equal_to_popularity_is_not_worse() -> None:
    assert judge(board_of({"full_stack": 0.3, "recent_popular": 0.3})).promote


def test_a_challenger_within_the_margin_is_promoted() -> None:
    # margin: 0.05 * 0.40 = 0.02
    assert judge(champion=EARLIER, comparison=compared(-0.019)).promote
    decision = judge(champion=EARLIER, comparison=compared(-0.021))
    assert decision.outcome is Outcome.KEEP
    assert "may be worse than the champion champion-1" in decision.reasons[-1]
    assert "margin 0.0200" in decision.reasons[-1]


def test_a_better_champion_does_not_excuse_losing_to_popularity() -> None:
    bad = board_of({"full_stack": 0.1, "recent_popular": 0.5})
    assert not judge(bad, champion=EARLIER, comparison=compared(0.1)).promote


def test_the_champion_itself_is_neither_promoted_nor_refused() -> None:
    decision = judge(champion=ChampionIdentity("challenger", cut_ms=0))
    assert decision.outcome is Outcome.ALREADY_CHAMPION
    assert not decision.promote
    assert "already the champion" in decision.reasons[0]


@pytest.mark.parametrize(
    ("judgement", "words"),
    [
        (Judgement.RECORDED, "its own hold-out model's scores"),
        (Judgement.UNSEEN_PART, "only on the queries after its data cut"),
    ],
)
def test_reasons_say_how_a_champion_that_has_seen_the_slice_is_judged(
    judgement: Judgement, words: str
) -> None:
    comparison = compared(0.0, champion=LATER, judgement=judgement)
    decision = judge(champion=LATER, comparison=comparison)
    assert decision.promote
    assert any("has seen part of the test slice" in r and words in r for r in decision.reasons)


@pytest.mark.parametrize("comparison", [None, compared(-0.3, champion=LATER, n=49)])
def test_without_a_fair_comparison_popularity_alone_decides_and_the_reasons_say_so(
    comparison: ChampionScores | None,
) -> None:
    decision = judge(champion=LATER, comparison=comparison)
    assert decision.promote
    assert "popularity alone decided" in decision.reasons[-1]
    bad = judge(
        board_of({"full_stack": 0.1, "recent_popular": 0.5}), champion=LATER, comparison=comparison
    )
    assert not bad.promote


@pytest.mark.parametrize(
    ("board", "config", "words"),
    [
        (board_of({"full_stack": 0.5, "recent_popular": 0.1}, n=0), CONFIG, "evaluation is empty"),
        (board_of({"full_stack": 0.5, "recent_popular": 0.1}, n=20), CONFIG, "only 20 queries"),
        (GOOD, GateConfig(metric="ndcg@7"), "ndcg@7 of the challenger was not measured"),
        (GOOD, GateConfig(task="anything"), "evaluation is empty"),
    ],
)
def test_an_unmeasured_model_is_promoted_only_where_there_is_no_champion(
    board: Scoreboard, config: GateConfig, words: str
) -> None:
    first = judge(board, config=config)
    assert first.promote
    assert words in first.reasons[0]
    assert "no champion to protect" in first.reasons[1]
    later = judge(board, champion=EARLIER, comparison=compared(0.1), config=config)
    assert later.outcome is Outcome.KEEP
    assert words in later.reasons[0]


def test_without_the_popularity_baseline_nothing_is_promoted() -> None:
    decision = judge(board_of({"full_stack": 0.5, "als": 0.1}))
    assert decision.outcome is Outcome.KEEP
    assert "popularity was not measured" in decision.reasons[0]


def test_a_comparison_without_a_value_is_no_comparison() -> None:
    nothing = Estimate(math.nan, math.nan, math.nan)
    comparison = ChampionScores(
        "champion-2", LATER.cut_ms, Judgement.UNSEEN_PART, 0, nothing, nothing, nothing
    )
    assert "popularity alone decided" in judge(champion=LATER, comparison=comparison).reasons[-1]


def test_a_decision_is_plain_json_fields() -> None:
    fields = judge().to_fields()
    assert fields["promote"] is True
    assert fields["outcome"] == "promote"
    assert isinstance(fields["reasons"], list)
