"""What stands behind a scoreboard: what each source and feature gives, how baselines were tuned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from endcap.evaluation.baseline_tuning import TunedBaseline
from endcap.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class SourceContribution:
    """What one candidate source gives the full stack, on the next interaction.

    `found`: share of the next items that it proposed; `found_alone`: the same of those that no
    other source proposed. `losses`: metric ("ndcg@20") -> the full stack's value minus that
    without this source, query by query: above 0 where the source helps. The ranker is the same and
    was not fitted anew, so it may still lean on what is not there any more.
    """

    found: float
    found_alone: float
    losses: Mapping[str, Estimate]


@dataclass(frozen=True)
class BaselineChoice:
    """A baseline's settings, chosen out of `trials`, and the NDCG on the slice that judged.

    `default_score` is that of the settings under the run's configuration.
    """

    settings: Mapping[str, float]
    trials: int
    default_score: float
    score: float

    @classmethod
    def of(cls, tuned: TunedBaseline) -> Self:
        """Return the choice without its trials."""
        (score,) = {t.score for t in tuned.trials if t.settings == tuned.settings}
        return cls(tuned.settings, len(tuned.trials), tuned.trials[0].score, score)


@dataclass(frozen=True)
class Anatomy:
    """The parts of the full stack and of its baselines.

    `found`: share of the next items that any source proposed: the ceiling of every ranking.
    `importance`: the most important features, best first, with their share of the prediction's
    change in percent. `judged_by`: the number of moments that judged the baselines' trials;
    `fitted_on`: the number of events that a trial was fitted on.
    """

    found: float
    sources: Mapping[str, SourceContribution]
    importance: Sequence[tuple[str, float]]
    baselines: Mapping[str, BaselineChoice]
    judged_by: int
    fitted_on: int

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return the anatomy of its JSON fields."""
        return cls(
            found=fields["found"],
            sources={name: _source(source) for name, source in fields["sources"].items()},
            importance=tuple((name, share) for name, share in fields["importance"]),
            baselines={
                name: BaselineChoice(**choice) for name, choice in fields["baselines"].items()
            },
            judged_by=fields["judged_by"],
            fitted_on=fields["fitted_on"],
        )


def _source(fields: Mapping[str, Any]) -> SourceContribution:
    losses = {metric: Estimate.from_fields(loss) for metric, loss in fields["losses"].items()}
    return SourceContribution(fields["found"], fields["found_alone"], losses)
