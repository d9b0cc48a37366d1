"""The ranker's parameters: searched with the quick loss, judged with the served one.

A trial fits QueryRMSE with few iterations (`RankerParams.shortened`) on the older groups of the
ranking table and is scored by NDCG@20 on the newest fifth of them; it is given up when it falls
behind the median of the others. Trial 0 is the defaults.

What is then served is decided on moments later than all of these (`Later`): the defaults and the
best trial's parameters are fitted at full length, with the quick loss and with the served one,
and the defaults stay unless the best trial's gain with the served loss, paired by moment, is past
one standard error. So the search does not judge itself, and what each loss gives is on record.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import RankingConfig
from endcap.errors import NotEnoughDataError
from endcap.ranking.later_slice import CUTOFF, NextItem
from endcap.ranking.ranker import QUERY_RMSE, RankerParams, explained, fit_ranker, require_order
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.table import RankingTable
from endcap.tuning.study import (
    Budget,
    Interval,
    Journal,
    Report,
    Space,
    Trial,
    best_of,
    run_study,
)

NEWEST_SHARE: Final = 0.2
MIN_GROUPS: Final = 50
"""With fewer groups ten or less would judge; the defaults stay untried."""
REPORT_PERIOD: Final = 10
"""Iterations between two looks at a running trial."""
DEFAULTS: Final = "defaults"
BEST: Final = "best trial"
_SCORE_NAME: Final = f"NDCG:top={CUTOFF};type=Base"


@dataclass(frozen=True)
class Fit:
    """What one full-length fit gives on the later slice: means at `CUTOFF` over its moments.

    `params`: `DEFAULTS` or `BEST`.
    """

    params: str
    loss_function: str
    ndcg: float
    mrr: float
    hit_rate: float

    @classmethod
    def of(cls, params: str, loss_function: str, found: NextItem) -> Self:
        """Return the means of what was found."""
        means = (float(part.mean()) for part in (found.ndcg(), found.reciprocal(), found.hits()))
        return cls(params, loss_function, *means)


@dataclass(frozen=True)
class TuningResult:
    """`params` to fit the served ranker with, and how that was decided.

    `chosen`: whose they are, `DEFAULTS` or `BEST`. `gain`: NDCG of the best trial's parameters over
    the defaults' on the later slice with the served loss, and `gain_error` its standard error;
    None if the defaults are the best trial, or nothing was searched.
    """

    params: RankerParams
    chosen: str = DEFAULTS
    gain: float | None = None
    gain_error: float | None = None
    fits: tuple[Fit, ...] = ()
    trials: tuple[Trial, ...] = ()

    def to_json(self) -> str:
        """Return the result as JSON text, the same for the same result."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the result that `to_json` wrote."""
        parts = json.loads(text)
        parts["params"] = RankerParams(**parts["params"])
        parts["fits"] = tuple(Fit(**fit) for fit in parts["fits"])
        parts["trials"] = tuple(Trial.from_fields(trial) for trial in parts["trials"])
        return cls(**parts)

    def facts(self) -> dict[str, Any]:
        """Return what a run's report says of it: trials, what was chosen, NDCG by fit."""
        by_fit = {
            f"{fit.params} by {fit.loss_function.partition(':')[0]}": round(fit.ndcg, 4)
            for fit in self.fits
        }
        return {"trials": len(self.trials), "chosen": self.chosen, **by_fit}


class Later(Protocol):
    """Moments after those of the ranking table: `endcap.ranking.later_slice.LaterSlice`."""

    def __len__(self) -> int:
        """Return the number of moments."""

    def measure(self, scorer: TreeScorer) -> NextItem:
        """Return how well the trees rank what was proposed at each moment."""


def tune_ranker(
    table: RankingTable,
    later: Later,
    *,
    config: RankingConfig,
    journal: Journal,
    seed: int,
    threads: int,
    clock: Callable[[], float],
) -> TuningResult:
    """Search the ranker's parameters within `config.trials` and `config.tuning_minutes`.

    The result is the same for the same table, slice, seed and threads as long as the trials, not
    the minutes, are what runs out; the minutes are those of the trials, the fits that decide come
    on top. With no trials, fewer than `MIN_GROUPS` groups or no later moment the defaults come
    back untried. All moments of `table` must lie before those of `later`.
    """
    defaults = RankerParams.from_config(config)
    if config.trials == 0 or len(np.unique(table.group)) < MIN_GROUPS or not len(later):
        return TuningResult(defaults)
    older, newest = table.split(NEWEST_SHARE)
    try:
        require_order(older.group, older.target(defaults.next_item_bonus))
    except NotEnoughDataError:
        return TuningResult(defaults)
    trials = run_study(
        _space(defaults),
        _Bench(older, newest, defaults, config.tuning_iterations, seed, threads).score,
        defaults=_searched(defaults),
        journal=journal,
        budget=Budget(config.trials, config.tuning_minutes),
        seed=seed,
        clock=clock,
    )
    return _Decision(table, later, seed, threads).between(defaults, trials)


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
        # CatBoost is training's, not serving's.
        from catboost import Pool  # noqa: PLC0415

        bonus = self.defaults.next_item_bonus
        self.gain = self.newest.target(bonus)
        self.learn, self.judge = (
            Pool(np.asarray(part.features), part.target(bonus), group_id=np.asarray(part.group))
            for part in (self.older, self.newest)
        )

    def score(self, suggested: Mapping[str, float], report: Report) -> float | None:
        """Fit the parameters and return the mean NDCG on the newest groups, None if given up."""
        from catboost import CatBoost, CatBoostError  # noqa: PLC0415

        params = _with(self.defaults, suggested).shortened(self.iterations, QUERY_RMSE)
        model = CatBoost(
            params.for_catboost(seed=self.seed, threads=self.threads)
            | {"eval_metric": _SCORE_NAME, "metric_period": REPORT_PERIOD, "use_best_model": False}
        )
        watch = _Watch(report)
        try:
            if not self.learn.is_quantized():
                self.learn.quantize(border_count=self.defaults.border_count, nan_mode="Min")
            model.fit(self.learn, eval_set=self.judge, callbacks=[watch])
        except CatBoostError as exc:
            raise explained(exc) from exc
        if not watch.goes_on:
            return None
        scores = model.predict(self.judge)
        return float(ndcg_by_group(scores, self.gain, self.newest.group, CUTOFF).mean())


class _Progress(Protocol):
    """What CatBoost tells a callback."""

    iteration: int
    metrics: Mapping[str, Mapping[str, list[float]]]


@dataclass
class _Watch:
    """CatBoost calls it after each iteration; it stops the fit when the trial falls behind."""

    report: Report
    goes_on: bool = True
    seen: int = 0

    def after_iteration(self, info: _Progress) -> bool:
        """Return whether to go on."""
        history = info.metrics["validation"][_SCORE_NAME]
        if len(history) > self.seen:
            self.seen = len(history)
            # The first tree's figure says next to nothing.
            if info.iteration > REPORT_PERIOD:
                self.goes_on = self.report(info.iteration, history[-1])
        return self.goes_on


@dataclass(frozen=True)
class _Decision:
    """Defaults or best trial: full-length fits, measured on the later slice."""

    table: RankingTable
    later: Later
    seed: int
    threads: int

    def between(self, defaults: RankerParams, trials: tuple[Trial, ...]) -> TuningResult:
        """Return the result of a search."""
        best = _with(defaults, best_of(trials).params)
        rivals = {DEFAULTS: defaults} | ({} if best == defaults else {BEST: best})
        measured = {
            (name, loss): self._measure(replace(params, loss_function=loss))
            for loss in dict.fromkeys((QUERY_RMSE, defaults.loss_function))
            for name, params in rivals.items()
        }
        fits = tuple(Fit.of(*key, found) for key, found in measured.items())
        if best == defaults:
            return TuningResult(defaults, fits=fits, trials=trials)
        ours, theirs = (measured[name, defaults.loss_function].ndcg() for name in (BEST, DEFAULTS))
        gain = float((ours - theirs).mean())
        error = float((ours - theirs).std() / np.sqrt(max(len(ours) - 1, 1)))
        chosen = BEST if gain > error else DEFAULTS
        return TuningResult(rivals[chosen], chosen, gain, error, fits, trials)

    def _measure(self, params: RankerParams) -> NextItem:
        ranker = fit_ranker(self.table, params, seed=self.seed, threads=self.threads)
        return self.later.measure(ranker.scorer)


def _searched(params: RankerParams) -> dict[str, float]:
    return {name: getattr(params, name) for name in _space(params)}


def _space(defaults: RankerParams) -> Space:
    """Return what is searched; every interval holds the default, so that trial 0 can be it."""
    return {
        "depth": Interval.around(defaults.depth, 4, 8, is_whole=True),
        "learning_rate": Interval.around(defaults.learning_rate, 0.03, 0.2, is_log=True),
        "l2_leaf_reg": Interval.around(defaults.l2_leaf_reg, 1.0, 50.0, is_log=True),
        "random_strength": Interval.around(defaults.random_strength, 0.0, 3.0),
    }


def _with(defaults: RankerParams, suggested: Mapping[str, float]) -> RankerParams:
    depth = int(suggested["depth"])
    return replace(
        defaults,
        depth=depth,
        learning_rate=suggested["learning_rate"],
        l2_leaf_reg=suggested["l2_leaf_reg"],
        random_strength=suggested["random_strength"],
    )
