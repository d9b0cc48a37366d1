from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.config_retrieval import AlsConfig, QuotaConfig, RetrievalConfig
from endcap.dataset.queries import Queries
from endcap.retrieval.source import CandidateSource
from endcap.retrieval.tuning import (
    DECAYS,
    MIN_QUERIES,
    RetrievalTuning,
    ask,
    tune_retrieval,
    with_settings,
)
from endcap.retrieval.union import fit_sources, load_sources, propose_candidates, save_sources
from endcap.tuning.study import Budget
from tests.retrieval.shop import CUT_MS, histories_of, random_log
from tests.tuning.journals import MemoryJournal

WEIGHTS = np.array([1, 2, 3], dtype=np.float32)
CONFIG = RetrievalConfig(
    als=AlsConfig(factors=8, iterations=3, near_items=0),
    quotas=QuotaConfig(
        **dict.fromkeys(QuotaConfig.model_fields, 4) | {"trending": 0, "category": 0}
    ),
    candidates_per_source=8,
    popular_candidates=0,
)


def fitted(config: RetrievalConfig = CONFIG) -> dict[str, CandidateSource]:
    log = random_log(3)
    return fit_sources(log, cut_ms=CUT_MS, event_weights=WEIGHTS, config=config, seed=1, threads=1)


def walks(n: int, seed: int = 0) -> Queries:
    """Return n moments of visitors in a neighbourhood of items, who stay there."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 80, n) * 3
    steps = (start[:, None] + rng.integers(0, 10, (n, 5))) % 60
    return Queries(
        histories=histories_of(*[[(item, 0) for item in row[:4]] for row in steps.tolist()]),
        user=np.arange(n, dtype=np.int32),
        time_ms=np.full(n, CUT_MS, dtype=np.int64),
        label_ptr=np.arange(n + 1, dtype=np.int64),
        label_item=steps[:, 4].astype(np.int32),
        label_relevance=np.ones(n, dtype=np.float32),
        label_first=np.ones(n, dtype=bool),
    )


def changed() -> RetrievalConfig:
    """Return other decays everywhere."""
    sections = {
        source: getattr(CONFIG, source).model_copy(update=dict.fromkeys(settings, 0.77))
        for source, settings in DECAYS.items()
    }
    return CONFIG.model_copy(update=sections)


def tuned(
    queries: Queries, *, trials: int = 6, journal: MemoryJournal | None = None
) -> RetrievalTuning:
    return tune_retrieval(
        fitted(),
        queries,
        config=CONFIG,
        journal=journal or MemoryJournal(),
        budget=Budget(trials, 10.0),
        seed=2,
        clock=lambda: 0.0,
    )


def test_sources_asked_with_other_decays_are_those_fitted_with_them(tmp_path: Path) -> None:
    queries, ours = walks(40), with_settings(fitted(), changed())
    save_sources(ours, tmp_path / "ours")
    save_sources(fitted(changed()), tmp_path / "theirs")

    files = sorted(path.relative_to(tmp_path / "ours") for path in (tmp_path / "ours").rglob("*"))
    for file in files:
        if (tmp_path / "ours" / file).is_file():
            same = (tmp_path / "ours" / file).read_bytes()
            assert (tmp_path / "theirs" / file).read_bytes() == same
    loaded = with_settings(load_sources(tmp_path / "ours"), CONFIG)
    back, never = (
        propose_candidates(sources, queries.histories, CONFIG) for sources in (loaded, fitted())
    )
    assert np.array_equal(back.scores, never.scores, equal_nan=True)
    moved = propose_candidates(ours, queries.histories, CONFIG)
    assert not np.array_equal(moved.item, never.item) or not np.array_equal(
        moved.scores, never.scores, equal_nan=True
    )


def test_a_source_that_is_asked_as_it_was_fitted_stays_the_same_object() -> None:
    sources = fitted()
    assert all(with_settings(sources, CONFIG)[name] is sources[name] for name in sources)
    other = with_settings(sources, changed())
    assert {name for name in sources if other[name] is not sources[name]} == set(DECAYS)


def test_what_is_held_is_counted_by_hand() -> None:
    own = {"own": fitted()["own"]}
    histories = histories_of([(3, 0), (5, 0)], [(4, 0)], [])
    queries = Queries(
        histories=histories,
        user=np.arange(3, dtype=np.int32),
        time_ms=np.full(3, CUT_MS),
        label_ptr=np.array([0, 2, 3, 4]),
        label_item=np.array([3, 9, 8, 3], dtype=np.int32),
        label_relevance=np.ones(4, dtype=np.float32),
        label_first=np.array([True, False, True, True]),
    )
    asked = ask(own, queries, CONFIG)
    assert asked.held.tolist() == [1, 0, 0]
    assert asked.candidates == pytest.approx((2 + 1 + 0) / 3)
    at_once = replace(queries, label_first=np.ones(4, dtype=np.bool_))
    assert ask(own, at_once, CONFIG).held.tolist() == [0.5, 0, 0]


def test_a_killed_search_ends_as_one_that_was_not() -> None:
    journal, queries = MemoryJournal(), walks(200)
    tuned(queries, trials=3, journal=journal)
    assert tuned(queries, journal=journal) == tuned(queries)
    assert len(journal.kept) == 6


def test_the_best_trial_is_taken_only_past_one_standard_error_of_the_newer_moments() -> None:
    for seed in range(3):
        found = tuned(walks(250, seed))
        assert found.default_held is not None
        assert found.best_held is not None
        gain = found.best_held - found.default_held
        assert (found.config != CONFIG) == (gain > (found.gain_error or 0))
        assert found.facts()["asked_with"] == (
            "defaults" if found.config == CONFIG else "best trial"
        )


def test_more_candidates_are_not_taken_for_better_ones() -> None:
    found = tuned(walks(300), trials=12)
    assert {name: found.trials[0].params[name] for name in ("quotas.als", "quotas.item_knn")} == {
        "quotas.als": 4,
        "quotas.item_knn": 4,
    }
    assert (found.best_candidates or 0) < 1.2 * (found.default_candidates or 0)


@pytest.mark.parametrize(("queries", "trials"), [(MIN_QUERIES - 1, 5), (200, 0)])
def test_without_trials_or_with_few_moments_nothing_is_tried(queries: int, trials: int) -> None:
    journal = MemoryJournal()
    assert tuned(walks(queries), trials=trials, journal=journal) == RetrievalTuning(CONFIG)
    assert journal.kept == []


def test_json_gives_the_result_back() -> None:
    found = tuned(walks(150))
    assert RetrievalTuning.from_json(found.to_json()) == found
