"""ALS's factors, regularization and alpha, searched by fitting it again and again.

A trial fits ALS before a cut of its own and is scored by the share of later moments whose next item
is among the candidates that ALS may give. The newer moments then decide between the best trial and
the defaults, which stay unless its gain, paired by moment, is past one standard error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.queries import Queries
from endcap.retrieval.als import AlsSource
from endcap.retrieval.tuning import MIN_QUERIES, NEWEST_SHARE, Asked, ask
from endcap.tuning.study import Budget, Interval, Journal, Report, Space, best_of, run_study

if TYPE_CHECKING:
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True)
class AlsBench:
    """Fits ALS on `log`, which ends at `cut_ms`."""

    log: "InteractionLog"
    cut_ms: int
    event_weights: NDArray[np.float32]
    config: RetrievalConfig
    seed: int
    threads: int

    def ask(self, als: AlsConfig, queries: Queries) -> Asked:
        """Return what ALS alone holds for the next items of later moments."""
        config = self.config.model_copy(update={"als": als})
        source = AlsSource.fit(
            self.log,
            cut_ms=self.cut_ms,
            event_weights=self.event_weights,
            config=config,
            seed=self.seed,
            threads=self.threads,
        )
        return ask({AlsSource.name: source}, queries, config)


def search_als(
    bench: AlsBench,
    queries: Queries,
    *,
    journal: Journal,
    budget: Budget,
    seed: int,
    clock: Callable[[], float],
) -> tuple[AlsConfig, int]:
    """Return the settings to fit ALS with, and how many trials there were.

    No more factors are tried than are configured: a request's time grows with them. With no trials
    or fewer than `tuning.MIN_QUERIES` moments the defaults come back untried.
    """
    defaults = bench.config.als
    if budget.trials == 0 or len(queries) < MIN_QUERIES:
        return defaults, 0
    first_newer = len(queries) - round(NEWEST_SHARE * len(queries))
    older, newer = queries.slice(0, first_newer), queries.slice(first_newer, len(queries))

    def score(params: Mapping[str, float], report: Report) -> float:  # noqa: ARG001 - one step
        return float(bench.ask(defaults.model_copy(update=dict(params)), older).held.mean())

    space = _space(defaults)
    trials = run_study(
        space,
        score,
        defaults={name: getattr(defaults, name) for name in space},
        journal=journal,
        budget=budget,
        seed=seed,
        clock=clock,
    )
    best = defaults.model_copy(update=dict(best_of(trials).params))
    if best == defaults:
        return defaults, len(trials)
    gains = bench.ask(best, newer).held - bench.ask(defaults, newer).held
    error = gains.std() / np.sqrt(len(gains) - 1)
    return best if gains.mean() > error else defaults, len(trials)


def _space(defaults: AlsConfig) -> Space:
    return {
        "factors": Interval(max(1, defaults.factors // 2), defaults.factors, is_whole=True),
        "regularization": Interval(
            defaults.regularization / 10, defaults.regularization * 10, is_log=True
        ),
        "alpha": Interval(defaults.alpha / 10, defaults.alpha * 10, is_log=True),
    }
