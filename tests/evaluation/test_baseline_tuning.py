from dataclasses import dataclass

import numpy as np

from endcap.dataset.histories import Histories
from endcap.evaluation.baseline_tuning import TunedBaseline, newest_events, tune_baseline
from endcap.evaluation.baselines import Baseline, Settings, Training
from endcap.retrieval.source import Proposals
from tests.evaluation.slices_of_traffic import Moment, queries_of
from tests.retrieval.shop import CONFIG, CUT_MS, WEIGHTS, random_log

LOG = random_log(0)
TRAINING = Training(LOG, CUT_MS, WEIGHTS, CONFIG, seed=1, threads=1)
JUDGED = queries_of(*(Moment(seen=[1], follows=[(10, 1.0)], user=i) for i in range(4)))


@dataclass(frozen=True)
class Puts10At:
    """Proposes item 10 at a place of its lists."""

    place: int

    def propose(self, histories: Histories, k: int) -> Proposals:
        lists = np.insert(np.arange(20, 30), self.place, 10)[:k].astype(np.int32)
        n = len(histories)
        ptr = np.arange(n + 1, dtype=np.int64) * len(lists)
        return Proposals(ptr, np.tile(lists, n), np.ones(n * len(lists), dtype=np.float32))


@dataclass(frozen=True)
class ByVisitor:
    """Proposes item 10 alone to those who win, another one to the others."""

    won: tuple[int, ...]

    def propose(self, histories: Histories, k: int) -> Proposals:  # noqa: ARG002
        item = np.where(np.array(self.won) > 0, 10, 20).astype(np.int32)
        n = len(histories)
        return Proposals(np.arange(n + 1, dtype=np.int64), item, np.ones(n, dtype=np.float32))


def by_place(default: float = 4.0, **choices: tuple[float, ...]) -> Baseline:
    """Return a baseline whose settings add up to the place at which it puts the right item."""

    def fit(_: Training, settings: Settings) -> Puts10At:
        return Puts10At(min(int(sum(settings.values())), 10))

    return Baseline("by_place", None, choices, lambda _: dict.fromkeys(choices, default), fit)


def tuned(baseline: Baseline, trials: int, seed: int = 0) -> TunedBaseline:
    rng = np.random.default_rng(seed)
    return tune_baseline(baseline, TRAINING, JUDGED, trials=trials, k=5, rng=rng)


def test_the_best_settings_win_and_the_first_trial_is_the_configuration_s() -> None:
    found = tuned(by_place(place=(0.0, 1.0, 2.0, 4.0)), trials=10)
    assert found.trials[0].settings == {"place": 4.0}
    assert {trial.settings["place"] for trial in found.trials} == {0.0, 1.0, 2.0, 4.0}
    assert len(found.trials) == 4
    assert found.settings == {"place": 0.0}
    # Places 0 and 4: NDCG 1 / log2(2) and 1 / log2(6).
    assert max(trial.score for trial in found.trials) == 1.0
    assert found.trials[0].score == 1 / np.log2(6)
    assert not found.is_default


def test_a_gain_within_one_standard_error_leaves_the_configuration_s_settings() -> None:
    # Of four moments one is won and none is lost: a gain of 1/4, its standard error .43 / 2.
    # Of four two are won and one is lost: a gain of 1/4, its standard error .83 / 2.
    def choose(*won: int) -> bool:
        def fit(_: Training, settings: Settings) -> ByVisitor:
            return ByVisitor(won if settings["a"] else (0, 0, 0, 1))

        one = Baseline("one", None, {"a": (0.0, 1.0)}, lambda _: {"a": 0.0}, fit)
        return not tuned(one, trials=2).is_default

    assert choose(1, 0, 0, 1)
    assert not choose(1, 1, 0, 0)


def test_the_number_of_trials_is_the_budget_and_one_tunes_nothing() -> None:
    baseline = by_place(a=(0.0, 1.0, 2.0), b=(0.0, 1.0, 2.0))
    assert len(tuned(baseline, trials=5).trials) == 5
    once = tuned(baseline, trials=1)
    assert (len(once.trials), once.is_default) == (1, True)


def test_later_trials_are_one_step_from_the_best_so_far() -> None:
    values = tuple(map(float, range(0, 10, 2)))
    trials = tuned(by_place(4.0, a=values, b=values, c=values), trials=11).trials
    assert len({tuple(trial.settings.values()) for trial in trials}) == 11
    for number in range(6, 11):
        best = max(trials[:number], key=lambda trial: trial.score)
        steps = [abs(trials[number].settings[name] - best.settings[name]) for name in "abc"]
        assert sorted(steps) == [0.0, 0.0, 2.0]


def test_where_all_near_the_best_are_tried_others_are_drawn() -> None:
    # The worse a value, the further from the first: from there nothing is left to step to.
    found = tuned(by_place(0.0, place=(0.0, 1.0, 2.0, 3.0, 4.0)), trials=5)
    assert len(found.trials) == 5
    assert found.is_default


def test_a_configured_value_between_the_choices_is_stepped_from() -> None:
    found = tuned(by_place(2.5, place=(1.0, 2.0, 4.0, 5.0)), trials=5)
    assert {trial.settings["place"] for trial in found.trials} == {1.0, 2.0, 2.5, 4.0, 5.0}


def test_a_tie_leaves_the_configuration_s_settings() -> None:
    # All of them lie past the fifth place.
    assert tuned(by_place(8.0, place=(7.0, 8.0, 9.0)), trials=3).settings == {"place": 8.0}
    assert tuned(by_place(), trials=3).is_default


def test_a_seed_draws_the_same_trials_and_another_one_others() -> None:
    baseline = by_place(a=tuple(map(float, range(9))), b=tuple(map(float, range(9))))
    first, again, other = (tuned(baseline, trials=6, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.trials[1:] != other.trials[1:]


def test_a_choice_is_read_as_it_was_written() -> None:
    found = tuned(by_place(place=(0.0, 1.0)), trials=3)
    assert TunedBaseline.from_fields(found.to_fields()) == found


def test_the_newest_events_keep_the_catalogue_and_lose_the_other_visitors() -> None:
    newest = newest_events(LOG, 50)
    threshold = np.sort(LOG.time_ms)[-50]
    assert len(newest) == 50
    assert newest.time_ms.min() >= threshold
    assert newest.n_items == LOG.n_items
    assert newest.n_users == len(np.unique(LOG.user[LOG.time_ms >= threshold]))
    assert newest.ptr[-1] == 50
    assert newest_events(LOG, len(LOG)) is LOG
