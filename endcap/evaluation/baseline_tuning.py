"""A search over a baseline's settings, on a slice before the evaluated one.

Trial 0 is the settings under the run's configuration. Half of the others are drawn without
replacement from all combinations of the values to try; each of the rest is one step from the best
so far: one setting, moved to the value next to it. Every trial is fitted on the newest events
before the tuning slice and judged by NDCG of the next interaction. The best one wins if its gain
over trial 0, paired by moment, is past one standard error; else, as in `ranking.tuning`, the run's
own settings stay. All baselines have the same number of trials; those with fewer combinations try
them all.

References
----------
Ferrari Dacrema, Cremonesi & Jannach: Are we really making much progress? A worrying analysis of
recent neural recommendation approaches (2019).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.log import InteractionLog, from_events
from endcap.dataset.queries import Queries
from endcap.evaluation.baselines import Baseline, Settings, Training, recommend_alone
from endcap.evaluation.metrics import ndcg, rank_gains
from endcap.evaluation.tasks import NEXT_INTERACTION, relevant_items

_Place = tuple[int, ...]
"""Which value of each setting."""
DRAWN_SHARE: Final = 0.5
"""Of the trials after the first."""


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
    space = _Space.of(baseline, training.config)
    values: dict[_Place, NDArray[np.float64]] = {}
    for place in space.places(trials, values, rng):
        values[place] = _values(baseline, training, judged, space.settings(place), k)
    means = {place: float(found.mean()) for place, found in values.items()}
    best = max(means, key=means.__getitem__)
    gain = values[best] - values[space.start]
    chosen = best if gain.mean() > gain.std() / math.sqrt(len(gain)) else space.start
    return TunedBaseline(
        baseline.name,
        space.settings(chosen),
        tuple(BaselineTrial(space.settings(place), mean) for place, mean in means.items()),
    )


@dataclass(frozen=True)
class _Space:
    """All values to try of each setting, ascending, the configured one among them."""

    axes: Mapping[str, Sequence[float]]
    start: _Place

    @classmethod
    def of(cls, baseline: Baseline, config: RetrievalConfig) -> Self:
        configured = baseline.defaults(config)
        axes = {
            name: sorted({*map(float, values), configured[name]})
            for name, values in baseline.choices.items()
        }
        return cls(axes, tuple(axes[name].index(configured[name]) for name in axes))

    def settings(self, place: _Place) -> dict[str, float]:
        """Return the settings that a place stands for."""
        return {
            name: values[at] for (name, values), at in zip(self.axes.items(), place, strict=True)
        }

    def places(
        self, trials: int, values: Mapping[_Place, NDArray[np.float64]], rng: np.random.Generator
    ) -> Iterator[_Place]:
        """Yield the places to try; `values` must hold those of all that were yielded before."""
        sizes = [len(axis) for axis in self.axes.values()]
        number = math.prod(sizes)
        shuffled = (
            tuple(int(at) for at in np.unravel_index(code, sizes)) if sizes else ()
            for code in rng.permutation(number).tolist()
        )
        yield self.start
        drawn = round(DRAWN_SHARE * (trials - 1))
        for trial in range(1, min(trials, number)):
            near = self._near(values) if trial > drawn else []
            if near:
                yield near[int(rng.integers(len(near)))]
            else:
                yield next(place for place in shuffled if place not in values)

    def _near(self, values: Mapping[_Place, NDArray[np.float64]]) -> list[_Place]:
        """Return the untried places that are one step from the best."""
        best = max(values, key=lambda place: float(values[place].mean()))
        steps = (
            (*best[:axis], best[axis] + step, *best[axis + 1 :])
            for axis in range(len(best))
            for step in (-1, 1)
        )
        sizes = [len(axis) for axis in self.axes.values()]
        return [
            place
            for place in steps
            if place not in values
            and all(0 <= at < size for at, size in zip(place, sizes, strict=True))
        ]


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
