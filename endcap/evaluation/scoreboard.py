"""The scoreboard: what each system scored, and by how much the full stack beats it or does not.

Its JSON is equal to the last digit for equal input and seed. NaN is written as null.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from endcap.config import EvaluationConfig
from endcap.errors import DatasetError
from endcap.evaluation.anatomy import Anatomy
from endcap.evaluation.bootstrap import Estimate, VisitorDraws
from endcap.evaluation.protocol import Evaluation
from endcap.evaluation.slices import ALL
from endcap.evaluation.tasks import NEXT_INTERACTION, TASKS

FULL_STACK: Final = "full_stack"
"""The name of the system that would be served."""
_DESCRIPTIVE: Final = ("novelty", "coverage", "cold")
"""Metrics that describe lists; more of them is not by itself better."""

Estimates = Mapping[str, Estimate]


@dataclass(frozen=True)
class SliceScores:
    """One slice of one task.

    `systems`: system -> metric -> estimate. `differences`: baseline -> metric -> estimate of the
    full stack's value minus the baseline's, query by query.
    """

    n_queries: int
    n_visitors: int
    systems: Mapping[str, Estimates]
    differences: Mapping[str, Estimates]


@dataclass(frozen=True)
class Scoreboard:
    """Scores by task and slice, what they were measured on, and what stands behind them."""

    cut_ms: int
    end_ms: int
    n_queries: int
    n_visitors: int
    n_items: int
    unknown_target_share: float
    query_fingerprint: str
    confidence: float
    bootstrap_samples: int
    seed: int
    systems: tuple[str, ...]
    tasks: Mapping[str, Mapping[str, SliceScores]]
    anatomy: Anatomy | None = None

    def scores(self, task: str, slice_name: str = ALL) -> SliceScores:
        """Return the scores of a slice of a task."""
        return self.tasks[task][slice_name]

    def estimate(self, system: str, metric: str, *, task: str = NEXT_INTERACTION.name) -> Estimate:
        """Return what a system scored over all queries of a task; NaN if it was not measured."""
        missing = Estimate(math.nan, math.nan, math.nan)
        return self.scores(task).systems.get(system, {}).get(metric, missing)

    def difference(
        self, baseline: str, metric: str, *, task: str = NEXT_INTERACTION.name
    ) -> Estimate:
        """Return the full stack's value minus the baseline's; NaN if it was not measured."""
        missing = Estimate(math.nan, math.nan, math.nan)
        return self.scores(task).differences.get(baseline, {}).get(metric, missing)

    def headline(self) -> dict[str, float | None]:
        """Return the full stack's mean of every metric over all queries of every task."""
        return {
            f"{task}/{metric}": None if math.isnan(estimate.mean) else estimate.mean
            for task, slices in self.tasks.items()
            for metric, estimate in slices[ALL].systems.get(FULL_STACK, {}).items()
        }

    def not_won(self, slice_name: str = ALL) -> list[tuple[str, str, str, Estimate]]:
        """Return (task, metric, baseline, difference) wherever the full stack is not ahead.

        It is ahead where the whole interval of the paired difference lies above 0. Novelty,
        coverage and the share of cold items describe and are not won or lost.
        """
        return [
            (task, metric, baseline, difference)
            for task, slices in self.tasks.items()
            for baseline, by_metric in slices[slice_name].differences.items()
            for metric, difference in by_metric.items()
            if metric.split("@")[0] not in _DESCRIPTIVE
            and difference.is_measured
            and not difference.low > 0
        ]

    def to_json(self) -> str:
        """Return the scoreboard as JSON text, keys sorted, floats in full."""
        return json.dumps(_without_nan(asdict(self)), sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the scoreboard of a JSON text. Raises `DatasetError`."""
        try:
            fields = json.loads(text)
            tasks = {
                task.name: {name: _slice(read) for name, read in fields["tasks"][task.name].items()}
                for task in TASKS
                if task.name in fields["tasks"]
            }
            share = _number(fields["unknown_target_share"])
            anatomy = fields.get("anatomy")
            return cls(
                **{
                    **fields,
                    "tasks": tasks,
                    "systems": tuple(fields["systems"]),
                    "unknown_target_share": share,
                    "anatomy": None if anatomy is None else Anatomy.from_fields(anatomy),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise DatasetError(f"this is not a scoreboard: {exc!r}") from exc


def build_scoreboard(
    evaluation: Evaluation, *, config: EvaluationConfig, seed: int, full_stack: str = FULL_STACK
) -> Scoreboard:
    """Average an evaluation, with intervals from resampled visitors.

    One set of draws, made from `seed`, serves all tasks, slices and systems.
    """
    draws = VisitorDraws.draw(
        evaluation.user,
        samples=config.bootstrap_samples,
        confidence=config.confidence,
        rng=np.random.default_rng(seed),
    )
    tasks = {
        task: {
            name: _measure_slice(evaluation, draws, task=task, slice_name=name, ours=full_stack)
            for name in evaluation.masks
        }
        for task in evaluation.values
    }
    return Scoreboard(
        cut_ms=evaluation.fold.cut_ms,
        end_ms=evaluation.fold.end_ms,
        n_queries=len(evaluation),
        n_visitors=draws.times.shape[1],
        n_items=evaluation.n_items,
        unknown_target_share=evaluation.unknown_target_share,
        query_fingerprint=evaluation.query_fingerprint,
        confidence=config.confidence,
        bootstrap_samples=config.bootstrap_samples,
        seed=seed,
        systems=evaluation.systems,
        tasks=tasks,
    )


def _measure_slice(
    evaluation: Evaluation, draws: VisitorDraws, *, task: str, slice_name: str, ours: str
) -> SliceScores:
    """Return the estimates of one slice of one task."""
    values = evaluation.values[task]
    mask = evaluation.masks[slice_name]
    member = mask & evaluation.members[task]
    masked = {
        (system, metric): np.where(mask, column, np.nan)
        for system, by_metric in values.items()
        for metric, column in by_metric.items()
    }
    pairs = {
        (system, metric): masked[ours, metric] - column
        for (system, metric), column in masked.items()
        if system != ours and ours in values
    }
    scores = _estimates(draws, masked)
    for system, by_slice in evaluation.coverage[task].items():
        for metric, share in by_slice[slice_name].items():
            scores[system][metric] = Estimate(share, math.nan, math.nan)
    return SliceScores(
        n_queries=int(member.sum()),
        n_visitors=len(np.unique(evaluation.user[member])),
        systems=scores,
        differences=_estimates(draws, pairs),
    )


def _estimates(
    draws: VisitorDraws, columns: Mapping[tuple[str, str], Any]
) -> dict[str, dict[str, Estimate]]:
    """Return the estimate of each column, by system, then metric."""
    nested: dict[str, dict[str, Estimate]] = {}
    if columns:
        estimates = draws.estimate(np.stack(list(columns.values()), axis=1))
        for (system, metric), estimate in zip(columns, estimates, strict=True):
            nested.setdefault(system, {})[metric] = estimate
    return nested


def _slice(fields: Mapping[str, Any]) -> SliceScores:
    """Return the slice of its JSON fields."""
    return SliceScores(
        n_queries=fields["n_queries"],
        n_visitors=fields["n_visitors"],
        systems=_read_estimates(fields["systems"]),
        differences=_read_estimates(fields["differences"]),
    )


def _read_estimates(fields: Mapping[str, Any]) -> dict[str, dict[str, Estimate]]:
    """Return system -> metric -> estimate of their JSON fields."""
    return {
        system: {metric: Estimate.from_fields(e) for metric, e in by_metric.items()}
        for system, by_metric in fields.items()
    }


def _number(value: float | None) -> float:
    """Return a JSON number, null as NaN."""
    return math.nan if value is None else float(value)


def _without_nan(value: object) -> object:
    """Return nested JSON values with NaN as None."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_nan(part) for part in value]
    return value
