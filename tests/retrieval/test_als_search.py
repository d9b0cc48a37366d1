import numpy as np

from endcap.config_retrieval import AlsConfig
from endcap.retrieval.als_search import AlsBench, search_als
from endcap.tuning.study import Budget
from tests.retrieval.shop import CUT_MS, random_log
from tests.retrieval.test_tuning import CONFIG, WEIGHTS, walks
from tests.tuning.journals import MemoryJournal


def bench(als: AlsConfig = CONFIG.als) -> AlsBench:
    config = CONFIG.model_copy(update={"als": als})
    return AlsBench(random_log(3), CUT_MS, WEIGHTS, config, seed=1, threads=1)


def search(
    journal: MemoryJournal, *, trials: int, queries: int = 250, als: AlsConfig = CONFIG.als
) -> tuple[AlsConfig, int]:
    return search_als(
        bench(als),
        walks(queries),
        journal=journal,
        budget=Budget(trials, 10.0),
        seed=3,
        clock=lambda: 0.0,
    )


def test_what_is_found_holds_more_of_the_newer_moments_or_is_the_default() -> None:
    hopeless = AlsConfig(factors=8, iterations=3, near_items=0, regularization=1e6, alpha=1.0)
    newer = walks(250).slice(150, 250)
    for als in (CONFIG.als, hopeless):
        found, trials = search(MemoryJournal(), trials=8, als=als)
        held, usual = (bench(als).ask(settings, newer).held for settings in (found, als))
        gain, error = (held - usual).mean(), (held - usual).std() / np.sqrt(99)
        assert (found != als) == (gain > error)
        assert found != hopeless
        assert trials == 8
        assert found.factors <= als.factors


def test_a_killed_search_ends_as_one_that_was_not() -> None:
    journal = MemoryJournal()
    search(journal, trials=2)
    assert search(journal, trials=5) == search(MemoryJournal(), trials=5)
    assert len(journal.kept) == 5


def test_without_trials_or_with_few_moments_nothing_is_tried() -> None:
    journal = MemoryJournal()
    assert search(journal, trials=0) == (CONFIG.als, 0)
    assert search(journal, trials=3, queries=99) == (CONFIG.als, 0)
    assert journal.kept == []
