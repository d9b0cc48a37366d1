import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.dataset.log import from_events
from endcap.evaluation.baselines import (
    ALS,
    BASELINES,
    RECENT_POPULAR,
    Baseline,
    Training,
    configured,
    recommend_alone,
)
from endcap.retrieval.source import Proposals
from endcap.retrieval.union import SOURCES
from tests.evaluation.slices_of_traffic import Moment, queries_of
from tests.retrieval.shop import CONFIG, CUT_MS, DAY_MS, WEIGHTS, histories_of, random_log

HISTORIES = queries_of(Moment([1], []), Moment([2, 3], [])).histories
TRAINING = Training(random_log(0), CUT_MS, WEIGHTS, CONFIG, seed=1, threads=1)
BY_NAME = {baseline.name: baseline for baseline in BASELINES}


@dataclass(frozen=True)
class Fixed:
    """Proposes the same items to everybody."""

    items: list[int]

    def propose(self, histories: Histories, k: int) -> Proposals:
        width, n = min(k, len(self.items)), len(histories)
        return Proposals(
            ptr=np.arange(n + 1, dtype=np.int64) * width,
            item=np.tile(np.array(self.items[:width], dtype=np.int32), n),
            score=np.ones(width * n, dtype=np.float32),
        )


def test_the_baselines_in_the_order_of_the_scoreboard() -> None:
    assert list(BY_NAME) == [
        "popular",
        "recent_popular",
        "own_items",
        "item_knn",
        "rp3beta",
        "session_knn",
        "als",
    ]


@pytest.mark.parametrize(
    "setting",
    [
        "item_knn.recency_half_life_events",
        "rp3beta.recency_half_life_events",
        "session_knn.query_half_life_events",
    ],
)
def test_a_baseline_whose_history_fades_slower_reads_more_of_it(setting: str) -> None:
    name, _, last = setting.partition(".")
    baseline, section = BY_NAME[name], getattr(CONFIG, name)
    settings, half_life = baseline.defaults(CONFIG), getattr(section, last)

    read = [
        vars(baseline.fit(TRAINING, {**settings, setting: times * half_life}))["query_events"]
        for times in (0.5, 1.0, 4.0, 1e6)
    ]

    usual = section.query_events
    assert read == [usual, usual, 4 * usual, CONFIG.max_history]


def test_a_short_list_is_not_filled_up() -> None:
    lists = recommend_alone(Fixed([4]), HISTORIES, width=3)
    assert lists.items.tolist() == [[4, -1, -1], [4, -1, -1]]


def test_settings_are_named_as_in_the_configuration() -> None:
    config = configured(CONFIG, {"als.factors": 64.0, "popularity_half_life_days": 3.0})
    assert (config.als.factors, config.popularity_half_life_days) == (64, 3.0)
    assert config.als.iterations == CONFIG.als.iterations
    with pytest.raises(ValueError, match="colour"):
        configured(CONFIG, {"als.colour": 1.0})


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda one: one.name)
def test_the_defaults_are_the_run_s_and_every_choice_can_be_fitted(baseline: Baseline) -> None:
    defaults = baseline.defaults(CONFIG)
    assert defaults.keys() == baseline.choices.keys()
    assert json.loads(json.dumps(defaults)) == defaults
    asked = histories_of([(3, 0), (4, 1)], [])
    for settings in (defaults, *({**defaults, n: v[-1]} for n, v in baseline.choices.items())):
        lists = recommend_alone(baseline.fit(TRAINING, settings), asked, width=10)
        assert lists.items[0, 0] >= 0
        assert lists.items.max() < TRAINING.log.n_items


@pytest.mark.parametrize("baseline", [one for one in BASELINES if one.source], ids=lambda b: b.name)
def test_under_the_defaults_a_baseline_is_its_source(baseline: Baseline) -> None:
    asked = histories_of([(3, 0), (4, 1)], [(20, 2)], [])
    alone = baseline.fit(TRAINING, baseline.defaults(CONFIG)).propose(asked, 10)
    source = TRAINING.fit(SOURCES[str(baseline.source)], CONFIG).propose(asked, 10)
    assert alone.item.tolist() == source.item.tolist()


def test_popular_counts_all_events_alike_whenever_they_were() -> None:
    # Item 0: three views long ago. Item 1: two purchases just now.
    log = from_events(
        np.array([0, 1, 2, 3, 4], dtype=np.int32),
        np.array([0, 0, 0, 1, 1], dtype=np.int32),
        np.array([0, 0, 0, 2, 2], dtype=np.int8),
        np.array([1, 2, 3, CUT_MS - 2, CUT_MS - 1], dtype=np.int64),
        n_users=5,
        n_items=2,
    )
    assert CUT_MS > 90 * DAY_MS
    training = replace(TRAINING, log=log)
    best = {
        name: BY_NAME[name].fit(training, BY_NAME[name].defaults(RetrievalConfig()))
        for name in ("popular", RECENT_POPULAR)
    }
    first = {name: fitted.propose(HISTORIES, 1).item[0] for name, fitted in best.items()}
    assert first == {"popular": 0, "recent_popular": 1}


def test_als_looks_at_all_items_whatever_the_run_s_lists() -> None:
    config = CONFIG.model_copy(update={"als": CONFIG.als.model_copy(update={"near_items": 40})})
    training = replace(TRAINING, config=config)
    fitted = BY_NAME[ALS].fit(training, BY_NAME[ALS].defaults(config))
    assert getattr(fitted, "near").size == 0  # noqa: B009 - the baselines' protocol has no lists
