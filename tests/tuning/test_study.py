from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest

from endcap.tuning.study import (
    TRIALS_TO_PRUNE_BY,
    Budget,
    Interval,
    Journal,
    KeptTrial,
    Report,
    Trial,
    best_of,
    run_study,
)
from tests.tuning.journals import MemoryJournal

SPACE = {
    "rate": Interval(0.01, 1.0, is_log=True),
    "depth": Interval(2, 8, is_whole=True),
    "noise": Interval(0.0, 3.0),
}
DEFAULTS = {"rate": 0.1, "depth": 6, "noise": 1.0}


@dataclass
class Hill:
    """An objective with its top at rate 0.3, depth 4; it dies when told to."""

    dies_in_trial: int | None = None
    asked: list[Mapping[str, float]] = field(default_factory=list)

    def score(self, params: Mapping[str, float], report: Report) -> float | None:
        self.asked.append(params)
        if self.dies_in_trial == len(self.asked) - 1:
            raise KeyboardInterrupt
        score = -abs(params["rate"] - 0.3) - 0.1 * abs(params["depth"] - 4)
        for step in range(3):
            if not report(step, score - 0.1 * (2 - step)):
                return None
        return score


def search(
    hill: Hill, journal: Journal, *, trials: int, minutes: float = 1e9, seed: int = 7
) -> tuple[Trial, ...]:
    ticks = count()
    return run_study(
        SPACE,
        hill.score,
        defaults=DEFAULTS,
        journal=journal,
        budget=Budget(trials, minutes),
        seed=seed,
        clock=lambda: 60.0 * next(ticks),
    )


def test_trial_0_is_the_defaults_and_every_other_lies_in_the_space() -> None:
    trials = search(Hill(), MemoryJournal(), trials=8)

    assert trials[0].params == DEFAULTS
    assert [trial.number for trial in trials] == list(range(8))
    for trial in trials:
        for name, interval in SPACE.items():
            assert interval.low <= trial.params[name] <= interval.high
        assert trial.params["depth"] == int(trial.params["depth"])
    assert len({trial.params["rate"] for trial in trials}) == 8


@pytest.mark.parametrize("dies_in_trial", [0, 1, 3, 7])
def test_a_search_that_was_killed_goes_on_and_ends_like_one_that_was_not(
    dies_in_trial: int,
) -> None:
    whole = search(Hill(), MemoryJournal(), trials=9)
    journal, killed, resumed = MemoryJournal(), Hill(dies_in_trial), Hill()

    with pytest.raises(KeyboardInterrupt):
        search(killed, journal, trials=9)
    trials = search(resumed, journal, trials=9)

    assert trials == whole
    assert len(resumed.asked) == 9 - dies_in_trial
    assert resumed.asked[0] == killed.asked[dies_in_trial]


def test_a_larger_budget_goes_on_and_a_smaller_one_sees_what_it_would_have_run() -> None:
    journal, more, fewer = MemoryJournal(), Hill(), Hill()
    first = search(Hill(), journal, trials=4)

    assert search(more, journal, trials=6)[:4] == first
    assert len(more.asked) == 2
    assert search(fewer, journal, trials=3) == first[:3]
    assert fewer.asked == []


def test_the_minutes_of_all_starts_count_together() -> None:
    # Each trial takes a minute of this clock; none begins once two and a half are over.
    journal, resumed = MemoryJournal(), Hill()

    assert len(search(Hill(), journal, trials=1, minutes=2.5)) == 1
    assert len(search(resumed, journal, trials=9, minutes=2.5)) == 3
    assert len(resumed.asked) == 2
    assert len(search(Hill(), MemoryJournal(), trials=9, minutes=0.001)) == 1
    assert len(search(Hill(), journal, trials=9, minutes=1.5)) == 2


def test_no_trials_are_none() -> None:
    hill = Hill()
    assert search(hill, MemoryJournal(), trials=0) == ()
    assert hill.asked == []


def test_the_seed_decides_what_is_tried() -> None:
    one, same, other = (search(Hill(), MemoryJournal(), trials=4, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one[0] == other[0]
    assert one[1:] != other[1:]


def test_a_trial_below_the_median_is_given_up_and_has_no_score() -> None:
    trials = search(Hill(), MemoryJournal(), trials=20)

    given_up = [trial for trial in trials if trial.score is None]
    assert given_up
    assert min(trial.number for trial in given_up) >= TRIALS_TO_PRUNE_BY
    assert all(len(trial.reports) < 3 for trial in given_up)
    assert all(len(trial.reports) == 3 for trial in trials if trial.score is not None)


def test_later_trials_learn_from_earlier_ones() -> None:
    trials = search(Hill(), MemoryJournal(), trials=40)
    # A tenth of the depths and of the rates' logarithms would be this near by chance.
    late = [abs(trial.params["rate"] - 0.3) < 0.1 for trial in trials[-10:]]
    assert sum(late) >= 4
    assert (best_of(trials).score or -1) > -0.1


def test_the_first_of_equal_trials_is_the_best() -> None:
    trials = [Trial(0, {}, 0.5), Trial(1, {}, None), Trial(2, {}, 0.5), Trial(3, {}, 0.4)]
    assert best_of(trials).number == 0
    assert best_of([*trials, Trial(4, {}, 0.6)]).number == 4


def test_json_gives_a_trial_back_to_the_last_bit() -> None:
    kept = KeptTrial(Trial(3, {"rate": 0.1 + 0.2, "depth": 4}, 1 / 3, ((9, 0.1), (19, 2e-17))), 1.5)
    assert KeptTrial.from_json(kept.to_json()) == kept
    given_up = KeptTrial(Trial(4, {"rate": 0.1}, None), 0.1)
    assert KeptTrial.from_json(given_up.to_json()) == given_up


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"trial": {"number": 1}, "seconds": 1}'])
def test_what_is_no_trial_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"no trial|Expecting value"):
        KeptTrial.from_json(text)
