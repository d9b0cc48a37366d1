from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from endcap.config import RankingConfig
from endcap.ranking.later_slice import NextItem
from endcap.ranking.ranker import QUERY_RMSE, YETI_RANK, RankerParams
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.table import RankingTable
from endcap.ranking.tuning import BEST, DEFAULTS, TuningResult, ndcg_by_group, tune_ranker
from tests.ranking.tables import learnable_table
from tests.tuning.journals import MemoryJournal

CONFIG = RankingConfig(trials=5, iterations=40, tuning_iterations=20)


@dataclass(frozen=True)
class LaterTable:
    """Later moments whose features are at hand, in the place of a `LaterSlice`."""

    table: RankingTable

    def __len__(self) -> int:
        return len(np.unique(self.table.group))

    def measure(self, scorer: TreeScorer) -> NextItem:
        scores = scorer.predict(self.table.features)
        higher = [
            1 + np.sum(scores[self.table.group == group] > score)
            for group, score in zip(
                self.table.group[self.table.first], scores[self.table.first], strict=True
            )
        ]
        return NextItem(np.array(higher, dtype=np.float64))


LATER = LaterTable(learnable_table(groups=40, seed=1))


def tuned(
    table: RankingTable | None = None,
    *,
    later: LaterTable = LATER,
    journal: MemoryJournal | None = None,
    **changes: Any,  # noqa: ANN401
) -> TuningResult:
    return tune_ranker(
        table or learnable_table(),
        later,
        config=CONFIG.model_copy(update=changes),
        journal=journal or MemoryJournal(),
        seed=4,
        threads=1,
        clock=lambda: 0.0,
    )


def test_ndcg_is_gain_over_log_of_the_place_divided_by_the_best_order() -> None:
    scores = np.array([3.0, 2.0, 1.0, 0.5, 0.4])
    gain = np.array([0, 1, 3, 0, 0], dtype=np.float32)
    group = np.array([0, 0, 0, 4, 4], dtype=np.int32)
    first = (1 / np.log2(3) + 3 / np.log2(4)) / (3 / np.log2(2) + 1 / np.log2(3))
    assert ndcg_by_group(scores, gain, group, 20) == pytest.approx([first, 0.0])
    assert ndcg_by_group(scores, gain, group, 2)[0] == pytest.approx(
        1 / np.log2(3) / (3 + 1 / np.log2(3))
    )
    assert ndcg_by_group(scores[:0], gain[:0], group[:0], 2).tolist() == []


def test_the_same_seed_gives_the_same_result_and_trial_0_is_the_defaults() -> None:
    first, again = tuned(), tuned()
    assert first == again
    assert len(first.trials) == 5
    defaults = RankerParams.from_config(CONFIG)
    assert first.trials[0].params == {
        "depth": defaults.depth,
        "learning_rate": defaults.learning_rate,
        "l2_leaf_reg": defaults.l2_leaf_reg,
        "random_strength": defaults.random_strength,
    }


def test_trials_that_are_in_the_journal_are_not_fitted_again() -> None:
    journal, whole = MemoryJournal(), tuned()
    tuned(journal=journal, trials=3)

    assert tuned(journal=journal) == whole
    kept = list(journal.kept)
    assert [trial.trial for trial in kept] == list(whole.trials)

    assert tuned(journal=journal) == whole
    assert journal.kept == kept


def test_a_trial_reports_its_score_every_ten_iterations_after_ten() -> None:
    for trial in tuned(tuning_iterations=30).trials:
        steps = [step for step, _ in trial.reports]
        assert steps == [11, 21, 30][: len(steps)]
        # The last report is CatBoost's own figure of what the score is computed from.
        if trial.score is not None:
            assert trial.reports[-1][1] == pytest.approx(trial.score, abs=0.02)


def test_the_result_keeps_the_length_and_the_loss_of_the_served_ranker() -> None:
    params = tuned().params
    assert (params.iterations, params.loss_function) == (40, YETI_RANK)


def test_defaults_and_best_trial_are_measured_with_both_losses_on_the_later_slice() -> None:
    result = tuned(learning_rate=0.0001, depth=1)
    assert [(fit.params, fit.loss_function) for fit in result.fits] == [
        (DEFAULTS, QUERY_RMSE),
        (BEST, QUERY_RMSE),
        (DEFAULTS, YETI_RANK),
        (BEST, YETI_RANK),
    ]
    by_fit = {(fit.params, fit.loss_function): fit.ndcg for fit in result.fits}
    assert result.gain == pytest.approx(by_fit[BEST, YETI_RANK] - by_fit[DEFAULTS, YETI_RANK])
    assert all(0 <= fit.mrr <= fit.ndcg <= fit.hit_rate <= 1 for fit in result.fits)
    assert result.facts() == {
        "trials": 5,
        "chosen": result.chosen,
        "defaults by QueryRMSE": round(by_fit[DEFAULTS, QUERY_RMSE], 4),
        "best trial by QueryRMSE": round(by_fit[BEST, QUERY_RMSE], 4),
        "defaults by YetiRank": round(by_fit[DEFAULTS, YETI_RANK], 4),
        "best trial by YetiRank": round(by_fit[BEST, YETI_RANK], 4),
    }


def test_the_best_trial_wins_past_one_standard_error_with_the_served_loss() -> None:
    # Stumps are the defaults; on the later slice deeper trees put 6 or no next items of 40
    # first that stumps put second. Gain a first place: 1 - 1 / log2(3) = 0.369.
    for firsts, chosen in ((6, BEST), (0, DEFAULTS)):
        result = tuned(later=Deep(LATER.table, firsts), depth=1)
        assert result.gain == pytest.approx(firsts / 40 * (1 - 1 / np.log2(3)))
        assert result.chosen == chosen
        assert (result.params.depth > 1) == (chosen == BEST)
    assert tuned(later=Deep(LATER.table, -6), depth=1).chosen == DEFAULTS


@dataclass(frozen=True)
class Deep(LaterTable):
    """Later moments at `firsts` of which deeper trees than stumps put the next item first."""

    firsts: int

    def measure(self, scorer: TreeScorer) -> NextItem:
        place = np.full(len(self), 2.0)
        if scorer.tree_splits.shape[1] > 1:
            place[: abs(self.firsts)] = 1.0 if self.firsts > 0 else 3.0
        return NextItem(place)


def test_over_a_tie_the_defaults_stay() -> None:
    missed = tuned(later=Missing(LATER.table), depth=1)
    assert (missed.gain, missed.gain_error) == (0.0, 0.0)
    assert missed.chosen == DEFAULTS
    assert missed.params.depth == 1


class Missing(LaterTable):
    """Later moments whose next item was never proposed."""

    def measure(self, scorer: TreeScorer) -> NextItem:  # noqa: ARG002 - nothing to rank
        return NextItem(np.full(len(self), np.inf))


def test_the_defaults_are_fitted_once_a_loss_when_they_are_the_best_trial() -> None:
    result = tuned(trials=1)
    assert [fit.params for fit in result.fits] == [DEFAULTS, DEFAULTS]
    assert (result.chosen, result.gain, result.gain_error) == (DEFAULTS, None, None)


@pytest.mark.parametrize("untuned", [{"trials": 0}, {"groups": 10}, {"later": 0}])
def test_without_trials_or_with_few_moments_the_defaults_come_back_untried(
    untuned: Mapping[str, int],
) -> None:
    journal = MemoryJournal()
    table = learnable_table(groups=untuned.get("groups", 80))
    later = LaterTable(LATER.table.before(untuned.get("later", 40)))
    trials = untuned.get("trials", 5)
    result = tuned(table, later=later, journal=journal, trials=trials)
    assert result == TuningResult(RankerParams.from_config(CONFIG))
    assert journal.kept == []


def test_json_gives_the_result_back() -> None:
    result = tuned()
    assert TuningResult.from_json(result.to_json()) == result
