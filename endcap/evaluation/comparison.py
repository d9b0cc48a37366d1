"""Challenger and champion on the same queries.

A champion that was trained after the test slice began has seen some of its answers, so it cannot
simply be asked again. `compare_recorded` uses what the champion's own hold-out model scored, where
that was on the very same queries; `compare_live` asks the champion only about moments that lie
after its data cut.
"""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import EvaluationConfig
from endcap.errors import DatasetError
from endcap.evaluation.bootstrap import Estimate, VisitorDraws
from endcap.evaluation.protocol import Evaluation

Values = NDArray[np.float64]


class Judgement(StrEnum):
    """How the champion came to its score."""

    WHOLE_SLICE = "whole_slice"
    """It was trained before the slice began and answered all of it."""
    UNSEEN_PART = "unseen_part"
    """It was trained within the slice and answered only what lies after its data cut."""
    RECORDED = "recorded"
    """It was trained after; its hold-out model had been measured on the very same queries."""


@dataclass(frozen=True)
class ChampionScores:
    """The gate's metric for champion and challenger on the same queries.

    `difference` is challenger minus champion, paired.
    """

    version: str
    cut_ms: int
    judgement: Judgement
    n_queries: int
    champion: Estimate
    challenger: Estimate
    difference: Estimate


@dataclass(frozen=True)
class RecordedScores:
    """The full stack's value of the gate's metric for each query of a test slice.

    Kept in the bundle, so that a later challenger on the same slice can be paired with it.
    """

    query_fingerprint: str
    metric: str
    task: str
    values: Values

    @classmethod
    def of(cls, evaluation: Evaluation, *, system: str, task: str, metric: str) -> Self:
        """Return one system's values of one metric; NaN everywhere if that was not measured."""
        by_metric = evaluation.values.get(task, {}).get(system, {})
        values = by_metric.get(metric, np.full(len(evaluation), math.nan))
        return cls(evaluation.query_fingerprint, metric, task, values)

    def save(self, folder: Path) -> None:
        """Write the values and what they are of."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "values.npy", self.values)
        facts = {
            "query_fingerprint": self.query_fingerprint,
            "metric": self.metric,
            "task": self.task,
        }
        text = json.dumps(facts, sort_keys=True, indent=1) + "\n"
        (folder / "measured.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises `DatasetError`."""
        try:
            facts = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
            values = np.load(folder / "values.npy", allow_pickle=False)
            return cls(facts["query_fingerprint"], facts["metric"], facts["task"], values)
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise DatasetError(f"{folder} holds no recorded scores: {exc}") from exc


@dataclass(frozen=True)
class ChampionIdentity:
    """Which model is the champion, and up to when it saw data."""

    version: str
    cut_ms: int


def compare_recorded(
    challenger: RecordedScores,
    champion: RecordedScores,
    *,
    identity: ChampionIdentity,
    user: NDArray[np.int32],
    config: EvaluationConfig,
    seed: int,
) -> ChampionScores | None:
    """Pair two recorded evaluations; None if they are not of the same queries and metric."""
    same = (challenger.query_fingerprint, challenger.metric, challenger.task) == (
        champion.query_fingerprint,
        champion.metric,
        champion.task,
    )
    if not same:
        return None
    return _paired(
        challenger.values,
        champion.values,
        identity=identity,
        judgement=Judgement.RECORDED,
        user=user,
        config=config,
        seed=seed,
    )


def compare_live(
    challenger: Values,
    champion: Values,
    *,
    identity: ChampionIdentity,
    time_ms: NDArray[np.int64],
    slice_start_ms: int,
    user: NDArray[np.int32],
    config: EvaluationConfig,
    seed: int,
) -> ChampionScores:
    """Pair what both models score now, on the queries that the champion has not seen.

    `challenger` and `champion` float64 (n,): values a query; `time_ms` int64 (n,): when the next
    event of each query happened.
    """
    unseen = time_ms >= identity.cut_ms
    whole = identity.cut_ms <= slice_start_ms
    return _paired(
        np.where(unseen, challenger, np.nan),
        np.where(unseen, champion, np.nan),
        identity=identity,
        judgement=Judgement.WHOLE_SLICE if whole else Judgement.UNSEEN_PART,
        user=user,
        config=config,
        seed=seed,
    )


def _paired(
    challenger: Values,
    champion: Values,
    *,
    identity: ChampionIdentity,
    judgement: Judgement,
    user: NDArray[np.int32],
    config: EvaluationConfig,
    seed: int,
) -> ChampionScores:
    """Return the three estimates from one set of draws."""
    draws = VisitorDraws.draw(
        user,
        samples=config.bootstrap_samples,
        confidence=config.confidence,
        rng=np.random.default_rng(seed),
    )
    columns = np.stack([champion, challenger, challenger - champion], axis=1)
    of_champion, of_challenger, difference = draws.estimate(columns)
    return ChampionScores(
        version=identity.version,
        cut_ms=identity.cut_ms,
        judgement=judgement,
        n_queries=int(np.count_nonzero(~np.isnan(challenger - champion))),
        champion=of_champion,
        challenger=of_challenger,
        difference=difference,
    )
