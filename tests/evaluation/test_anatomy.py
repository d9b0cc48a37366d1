import json
from dataclasses import asdict, replace

from endcap.evaluation.anatomy import Anatomy, BaselineChoice, SourceContribution
from endcap.evaluation.baseline_tuning import BaselineTrial, TunedBaseline
from endcap.evaluation.bootstrap import Estimate
from endcap.evaluation.scoreboard import Scoreboard
from endcap.evaluation.scoreboard_text import to_text
from tests.evaluation.boards import board_of

ANATOMY = Anatomy(
    found=0.75,
    sources={"als": SourceContribution(0.5, 0.25, {"ndcg@20": Estimate(0.125, 0.0625, 0.1875)})},
    importance=(("own_score", 60.0), ("als_rank", 40.0)),
    baselines={
        "item_knn": BaselineChoice({"item_knn.saturation": 8.0}, 3, 0.25, 0.375),
        "popular": BaselineChoice({}, 1, 0.1, 0.1),
    },
    judged_by=1000,
    fitted_on=300_000,
)
BOARD = board_of({"full_stack": 0.5, "recent_popular": 0.1})


def test_a_choice_tells_the_trials_from_the_best_one() -> None:
    trials = (BaselineTrial({"a": 1.0}, 0.25), BaselineTrial({"a": 2.0}, 0.5))
    choice = BaselineChoice.of(TunedBaseline("one", {"a": 2.0}, trials))
    assert choice == BaselineChoice({"a": 2.0}, 2, 0.25, 0.5)


def test_a_scoreboard_comes_back_with_its_anatomy_and_without_one() -> None:
    board = replace(BOARD, anatomy=ANATOMY)
    assert Scoreboard.from_json(board.to_json()).anatomy == ANATOMY
    assert Scoreboard.from_json(board.to_json()).to_json() == board.to_json()
    older = {name: value for name, value in asdict(BOARD).items() if name != "anatomy"}
    assert Scoreboard.from_json(json.dumps(older, default=float)).anatomy is None


def test_the_text_shows_sources_features_and_settings() -> None:
    text = to_text(replace(BOARD, anatomy=ANATOMY))
    lines = [line.split() for line in text.splitlines()]
    assert ["als", "0.5000", "0.2500", "+0.1250", "[+0.0625,", "+0.1875]"] in lines
    assert ["own_score", "60.0"] in lines
    assert ["item_knn", "3", "0.2500", "0.3750", "saturation=8"] in lines
    assert "not fitted anew" in text
    assert "1,000 moments before" in text
    assert "newest 300,000 events" in text


def test_what_has_no_settings_is_not_said_to_be_tuned() -> None:
    lines = to_text(replace(BOARD, anatomy=ANATOMY)).splitlines()
    start = lines.index(next(line for line in lines if line.startswith("  baseline ")))
    assert [line.split()[0] for line in lines[start : start + 2]] == ["baseline", "item_knn"]
