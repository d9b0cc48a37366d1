"""A search by Optuna that can be killed at any moment and goes on as if nothing had happened.

Trial n is a function of the trials before it and the seed alone: for each, a study is made anew
from what the journal holds, with a TPE sampler whose seed is derived from (seed, n). So a search
that was killed, however often, ends with the same trials as one that was not, unless its minutes
run out first, and no finished trial runs twice. Trial 0 is the defaults.

References
----------
Akiba, Sano, Yanase, Ohta, Koyama: Optuna, a next-generation hyperparameter optimization framework
(2019). Bergstra, Bardenet, Bengio, Kegl: Algorithms for hyper-parameter optimization (2011).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

RANDOM_TRIALS: Final = 4
"""Trials that are drawn at random, the defaults counted, before TPE has anything to go by."""
TRIALS_TO_PRUNE_BY: Final = 3
"""Complete trials before one can be told that it falls behind their median."""


@dataclass(frozen=True)
class Interval:
    """What a parameter may be: from `low` to `high`, both included."""

    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False

    @classmethod
    def around(
        cls,
        default: float,
        low: float,
        high: float,
        *,
        is_log: bool = False,
        is_whole: bool = False,
    ) -> Self:
        """Return an interval that is widened to hold the default.

        >>> Interval.around(12, 4, 8, is_whole=True)
        Interval(low=4, high=12, is_log=False, is_whole=True)
        """
        return cls(min(low, default), max(high, default), is_log, is_whole)


Space = Mapping[str, Interval]
"""Name -> what the parameter may be."""


@dataclass(frozen=True)
class Trial:
    """One attempt: its parameters, and its score, None if it was given up.

    `reports`: (step, score so far) in the order of the steps.
    """

    number: int
    params: Mapping[str, float]
    score: float | None
    reports: tuple[tuple[int, float], ...] = ()

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return the trial of what JSON made of its fields. Raises `KeyError`, `TypeError`."""
        reports = tuple((int(step), float(score)) for step, score in fields["reports"])
        score = None if fields["score"] is None else float(fields["score"])
        return cls(int(fields["number"]), dict(fields["params"]), score, reports)


@dataclass(frozen=True)
class KeptTrial:
    """A finished trial and how long it took."""

    trial: Trial
    seconds: float

    def to_json(self) -> str:
        """Return the trial as JSON text; `from_json` gives the very same numbers back."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the trial of a JSON text. Raises `ValueError`."""
        try:
            given = json.loads(text)
            return cls(Trial.from_fields(given["trial"]), float(given["seconds"]))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"no trial: {exc}") from exc


class Journal(Protocol):
    """Where finished trials are kept."""

    def read(self) -> Sequence[KeptTrial]:
        """Return all that were kept, number 0 first, none missing in between."""

    def keep(self, trial: KeptTrial) -> KeptTrial:
        """Keep a trial, whole or not at all, and return the one that is kept under its number."""


@dataclass(frozen=True)
class Budget:
    """No trial begins after `trials`, or after `minutes` were spent on earlier finished ones.

    A trial that has begun is finished, and the first one always begins.
    """

    trials: int
    minutes: float

    def allows_after(self, kept: Sequence[KeptTrial]) -> bool:
        """Return whether another trial may begin after these."""
        spent = sum(trial.seconds for trial in kept)
        return len(kept) < self.trials and (not kept or spent < self.minutes * 60)

    def allowed_of(self, kept: Sequence[KeptTrial]) -> list[KeptTrial]:
        """Return the trials that this budget would have let begin: a longer search's first ones."""
        allowed: list[KeptTrial] = []
        while len(allowed) < len(kept) and self.allows_after(allowed):
            allowed.append(kept[len(allowed)])
        return allowed


Report = Callable[[int, float], bool]
"""Takes a step and the score so far; returns whether the trial is worth going on with."""
Objective = Callable[[Mapping[str, float], Report], float | None]
"""Returns the score of parameters, more is better; None if it gave up after a report."""


def run_study(
    space: Space,
    objective: Objective,
    *,
    defaults: Mapping[str, float],
    journal: Journal,
    budget: Budget,
    seed: int,
    clock: Callable[[], float],
) -> tuple[Trial, ...]:
    """Run the trials that the journal lacks, within the budget, and return all of them.

    `defaults` must lie in `space`. `clock`: seconds from any origin. What `objective` raises
    passes through, and its trial is not kept.
    """
    kept = budget.allowed_of(journal.read())
    while budget.allows_after(kept):
        started = clock()
        trial = _next_trial(space, objective, defaults, [k.trial for k in kept], seed)
        kept.append(journal.keep(KeptTrial(trial, clock() - started)))
    return tuple(k.trial for k in kept)


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the best score; the lowest number wins between equals.

    So the defaults do, over a tie to the last bit. One trial at least must have a score.
    """
    scored = [(trial.score, -trial.number, trial) for trial in trials if trial.score is not None]
    return max(scored, key=lambda entry: entry[:2])[2]


def _next_trial(
    space: Space,
    objective: Objective,
    defaults: Mapping[str, float],
    done: Sequence[Trial],
    seed: int,
) -> Trial:
    # Training's, not serving's: it takes a while to import.
    import optuna  # noqa: PLC0415

    number, distributions = len(done), _distributions(space)
    with _quiet(optuna.logging):
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(
                seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]),
                n_startup_trials=RANDOM_TRIALS,
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_TO_PRUNE_BY),
        )
        study.add_trials([_as_frozen(trial, distributions) for trial in done])
        if not done:
            study.enqueue_trial(dict(defaults))
        asked = study.ask(distributions)
        watch = _Watch(asked)
        score = objective(dict(asked.params), watch.report)
    return Trial(number, dict(asked.params), score, tuple(watch.reports))


class _Watch:
    """Hands a trial's reports to Optuna, and keeps them."""

    def __init__(self, trial: "optuna.Trial") -> None:
        self._trial = trial
        self.reports: list[tuple[int, float]] = []

    def report(self, step: int, score: float) -> bool:
        self.reports.append((step, score))
        self._trial.report(score, step)
        return not self._trial.should_prune()


def _as_frozen(
    trial: Trial, distributions: "Mapping[str, BaseDistribution]"
) -> "optuna.trial.FrozenTrial":
    from optuna.trial import TrialState, create_trial  # noqa: PLC0415

    return create_trial(
        state=TrialState.PRUNED if trial.score is None else TrialState.COMPLETE,
        value=trial.score,
        params=dict(trial.params),
        distributions=dict(distributions),
        intermediate_values=dict(trial.reports),
    )


def _distributions(space: Space) -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415

    return {
        name: IntDistribution(int(part.low), int(part.high), log=part.is_log)
        if part.is_whole
        else FloatDistribution(part.low, part.high, log=part.is_log)
        for name, part in space.items()
    }


@contextmanager
def _quiet(log: ModuleType) -> Iterator[None]:
    """Keep Optuna from writing a line for each study and trial to stderr."""
    verbosity = log.get_verbosity()
    log.set_verbosity(log.ERROR)
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
