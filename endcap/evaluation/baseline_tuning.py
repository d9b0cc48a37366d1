"""A random search over a baseline's settings, on a slice before the evaluated one.

Trial 0 is the settings under the run's configuration, the others are drawn without replacement from
all combinations of the values to try. Every trial is fitted on the newest events before the tuning
slice and judged by NDCG of the next interaction. The best one wins if its gain over trial 0, paired
by moment, is past one standard error; else, as in `ranking.tuning`, the run's own settings stay.
All baselines have the same number of trials; those with fewer combinations try them all.

References
----------
Ferrari Dacrema, Cremonesi & Jannach: Are we really making much progress? A worrying analysis of
recent neural recommendation approaches (2019).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.log import InteractionLog, from_events
from endcap.dataset.queries import Queries
from endcap.evaluation.baselines import Baseline, Settings, Training, recommend_alone
from endcap.evaluation.metrics import ndcg, rank_gains
from endcap.evaluation.tasks import NEXT_INTERACTION, relevant_items


@dataclass(frozen=True)
class BaselineTrial:
    """Settings that were tried, and the mean NDCG they gave."""

    settings: Settings
    score: float


@dataclass(frozen=True)
class TunedBaseline:
    """A baseline's chosen settings and all trials, those of the run's configuration first."""

    name: str
    settings: Settings
    trials: Sequence[BaselineTrial]

    @property
    def is_default(self) -> bool:
        """Whether the settings are those of the run's configuration."""
        return self.settings == self.trials[0].settings

    def to_fields(self) -> dict[str, Any]:
        """Return the choice as JSON fields."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return the choice of its JSON fields."""
        trials = tuple(BaselineTrial(**trial) for trial in fields["trials"])
        return cls(fields["name"], fields["settings"], trials)


def tune_baseline(
    baseline: Baseline,
    training: Training,
    judged: Queries,
    *,
    trials: int,
    k: int,
    rng: np.random.Generator,
) -> TunedBaseline:
    """Try up to `trials` settings, judged by NDCG@k on queries at or after the training's cut.

    There must be one query at least. `trials` of 1 keeps what the configuration says.
    """
    settings = list(_drawn(baseline, training.config, trials, rng))
    values = [_values(baseline, training, judged, one, k) for one in settings]
    tried = [
        BaselineTrial(one, float(found.mean())) for one, found in zip(settings, values, strict=True)
    ]
    best = max(range(len(tried)), key=lambda place: tried[place].score)
    gain = values[best] - values[0]
    chosen = best if gain.mean() > gain.std() / math.sqrt(len(gain)) else 0
    return TunedBaseline(baseline.name, settings[chosen], tuple(tried))


def _drawn(
    baseline: Baseline, config: RetrievalConfig, trials: int, rng: np.random.Generator
) -> Iterator[dict[str, float]]:
    """Yield the configured settings, then other combinations in random order."""
    configured = baseline.defaults(config)
    yield configured
    sizes = [len(values) for values in baseline.choices.values()]
    left = trials - 1
    for place in rng.permutation(math.prod(sizes)).tolist():
        if not left:
            return
        picks = np.unravel_index(place, sizes) if sizes else ()
        drawn = {
            name: float(values[int(pick)])
            for (name, values), pick in zip(baseline.choices.items(), picks, strict=True)
        }
        if drawn != configured:
            left -= 1
            yield drawn


def _values(
    baseline: Baseline, training: Training, judged: Queries, settings: Settings, k: int
) -> NDArray[np.float64]:
    """Return the NDCG@k of the next interaction, query by query."""
    lists = recommend_alone(baseline.fit(training, settings), judged.histories, width=k)
    relevant = relevant_items(judged, NEXT_INTERACTION)
    gains = rank_gains(lists, relevant, n_items=training.log.n_items, width=k)
    return ndcg(gains, k)


def newest_events(log: InteractionLog, limit: int) -> InteractionLog:
    """Return the newest `limit` events of a log, with the visitors they are of renumbered.

    Item codes and their number stay.
    """
    if len(log) <= limit:
        return log
    kept = np.sort(np.argsort(log.time_ms, kind="stable")[len(log) - limit :])
    users, user = np.unique(log.user[kept], return_inverse=True)
    return from_events(
        user.astype(np.int32),
        log.item[kept],
        log.event_type[kept],
        log.time_ms[kept],
        n_users=len(users),
        n_items=log.n_items,
    )
