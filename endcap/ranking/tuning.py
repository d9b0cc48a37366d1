"""Optuna over the ranker's parameters, judged on the newest groups of the ranking table.

Trial 0 is the defaults. A trial fits the quick loss with few iterations (`RankerParams.shortened`)
on the older groups and is judged by NDCG@20 on the newest fifth, so the choice is made on moments
later than those learnt from. The defaults stay unless the best trial's gain, paired by group, is
past one standard error: with few groups the best of several trials is mostly luck.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import RankingConfig
from endcap.errors import NotEnoughDataError
from endcap.ranking.ranker import QUERY_RMSE, RankerParams, explained, require_order
from endcap.ranking.table import RankingTable

if TYPE_CHECKING:
    import optuna

CUTOFF: Final = 20
NEWEST_SHARE: Final = 0.2
MIN_GROUPS: Final = 50
"""With fewer groups ten or less would judge; the defaults stay untried."""
PRUNING_PERIOD: Final = 10
"""Iterations between two looks at a running trial."""
_SCORE_NAME: Final = f"NDCG:top={CUTOFF};type=Base"


@dataclass(frozen=True)
class Trial:
    """One attempt: its parameters and its NDCG@20, None if it was pruned."""

    number: int
    params: Mapping[str, float]
    score: float | None


@dataclass(frozen=True)
class TuningResult:
    """`params` to fit the served ranker with, and how the defaults and the best trial did.

    `gain_error` is the standard error of the best trial's mean gain over the defaults. The scores
    are None if no trial ran.
    """

    params: RankerParams
    default_score: float | None
    best_score: float | None
    gain_error: float | None
    trials: tuple[Trial, ...]

    def to_json(self) -> str:
        """Return the result as JSON text, the same for the same result."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the result that `to_json` wrote."""
        parts = json.loads(text)
        parts["params"] = RankerParams(**parts["params"])
        parts["trials"] = tuple(Trial(**trial) for trial in parts["trials"])
        return cls(**parts)


def tune_ranker(
    table: RankingTable, *, config: RankingConfig, seed: int, threads: int
) -> TuningResult:
    """Search the ranker's parameters within `config.trials` and `config.tuning_minutes`.

    The result is the same for the same table, seed and threads as long as the trials, not the
    minutes, are what runs out. With no trials or fewer than `MIN_GROUPS` groups the defaults come
    back unjudged.
    """
    defaults = RankerParams.from_config(config)
    if config.trials == 0 or len(np.unique(table.group)) < MIN_GROUPS:
        return TuningResult(defaults, None, None, None, ())
    older, newest = table.split(NEWEST_SHARE)
    try:
        require_order(older.group, older.target(defaults.next_item_bonus))
    except NotEnoughDataError:
        return TuningResult(defaults, None, None, None, ())
    # Optuna and CatBoost are training's, not serving's.
    import optuna  # noqa: PLC0415

    bench = _Bench(older, newest, defaults, config.tuning_iterations, seed, threads)
    with _quiet(optuna.logging):
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=min(10, max(3, config.trials // 3))
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=PRUNING_PERIOD),
        )
        study.enqueue_trial(_searched(defaults))
        study.optimize(bench.score, n_trials=config.trials, timeout=config.tuning_minutes * 60)
    return _choose(study, bench, defaults)


def ndcg_by_group(
    scores: NDArray[np.float64], gain: NDArray[np.float32], group: NDArray[np.int32], k: int
) -> NDArray[np.float64]:
    """Return each group's NDCG@k with linear gains, in the order of the groups.

    ``sum(gain_i / log2(i + 1))`` over the first k places, divided by that of the best order. Ties
    keep the order of the rows. A group without gain counts 0.
    """
    starts = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
    place = np.arange(len(group)) - np.repeat(starts, np.diff(starts, append=len(group)))
    discount = np.where(place < k, 1.0 / np.log2(place + 2.0), 0.0)
    reached, best = (
        np.add.reduceat(gain[np.lexsort((-key, group))] * discount, starts) if len(starts) else gain
        for key in (scores, gain)
    )
    return np.divide(reached, best, out=np.zeros(len(starts)), where=best > 0)


@dataclass
class _Bench:
    """Fits one trial after the other on the same quantised table."""

    older: RankingTable
    newest: RankingTable
    defaults: RankerParams
    iterations: int
    seed: int
    threads: int

    def __post_init__(self) -> None:
        from catboost import Pool  # noqa: PLC0415

        bonus = self.defaults.next_item_bonus
        self.gain = self.newest.target(bonus)
        self.by_trial: dict[int, NDArray[np.float64]] = {}
        self.learn, self.judge = (
            Pool(np.asarray(part.features), part.target(bonus), group_id=np.asarray(part.group))
            for part in (self.older, self.newest)
        )

    def score(self, trial: "optuna.Trial") -> float:
        """Fit the trial's parameters and return its mean NDCG on the newest groups."""
        import optuna  # noqa: PLC0415
        from catboost import CatBoost, CatBoostError  # noqa: PLC0415

        params = _suggested(trial, self.defaults).shortened(self.iterations, QUERY_RMSE)
        model = CatBoost(
            params.for_catboost(seed=self.seed, threads=self.threads)
            | {"eval_metric": _SCORE_NAME, "metric_period": PRUNING_PERIOD, "use_best_model": False}
        )
        watch = _PruningWatch(trial)
        try:
            if not self.learn.is_quantized():
                self.learn.quantize(border_count=self.defaults.border_count, nan_mode="Min")
            model.fit(self.learn, eval_set=self.judge, callbacks=[watch])
        except CatBoostError as exc:
            raise explained(exc) from exc
        if watch.pruned:
            raise optuna.TrialPruned
        scores = model.predict(self.judge)
        by_group = ndcg_by_group(scores, self.gain, self.newest.group, CUTOFF)
        self.by_trial[trial.number] = by_group
        return float(by_group.mean())


class _Progress(Protocol):
    """What CatBoost tells a callback."""

    iteration: int
    metrics: Mapping[str, Mapping[str, list[float]]]


@dataclass
class _PruningWatch:
    """CatBoost calls it after each iteration; it stops the fit when the trial falls behind."""

    trial: "optuna.Trial"
    pruned: bool = False
    seen: int = 0

    def after_iteration(self, info: _Progress) -> bool:
        """Return whether to go on."""
        history = info.metrics["validation"][_SCORE_NAME]
        if len(history) == self.seen:
            return True
        self.seen = len(history)
        self.trial.report(history[-1], step=info.iteration)
        self.pruned = bool(self.trial.should_prune())
        return not self.pruned


def _searched(params: RankerParams) -> dict[str, float]:
    return {
        "depth": params.depth,
        "learning_rate": params.learning_rate,
        "l2_leaf_reg": params.l2_leaf_reg,
        "random_strength": params.random_strength,
    }


def _suggested(trial: "optuna.Trial", defaults: RankerParams) -> RankerParams:
    """Return the trial's parameters; every range holds the default, so trial 0 can be it."""
    low_rate, high_rate = _around(defaults.learning_rate, 0.03, 0.2)
    low_l2, high_l2 = _around(defaults.l2_leaf_reg, 1.0, 50.0)
    low_noise, high_noise = _around(defaults.random_strength, 0.0, 3.0)
    return replace(
        defaults,
        depth=trial.suggest_int("depth", min(4, defaults.depth), max(8, defaults.depth)),
        learning_rate=trial.suggest_float("learning_rate", low_rate, high_rate, log=True),
        l2_leaf_reg=trial.suggest_float("l2_leaf_reg", low_l2, high_l2, log=True),
        random_strength=trial.suggest_float("random_strength", low_noise, high_noise),
    )


def _around(default: float, low: float, high: float) -> tuple[float, float]:
    return min(low, default), max(high, default)


def _choose(study: "optuna.Study", bench: _Bench, defaults: RankerParams) -> TuningResult:
    """Return the best trial's parameters if its gain is past chance, else the defaults."""
    means = {number: float(by_group.mean()) for number, by_group in bench.by_trial.items()}
    trials = tuple(Trial(t.number, dict(t.params), means.get(t.number)) for t in study.trials)
    default = bench.by_trial[0]
    # The lowest number wins between equals, so the defaults do over a tie to the last bit.
    best = max(means, key=lambda number: (means[number], -number))
    gains = bench.by_trial[best] - default
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    won = gains.mean() > error
    params = replace(defaults, **study.trials[best].params) if won else defaults
    return TuningResult(params, means[0], means[best], error, trials)


@contextmanager
def _quiet(log: ModuleType) -> Iterator[None]:
    """Keep Optuna from writing a line for the study and one a trial to stderr."""
    verbosity = log.get_verbosity()
    log.set_verbosity(log.ERROR)
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
