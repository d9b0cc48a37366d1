"""Whether a challenger may be promoted, and why.

Two checks, both on the lower end of a paired interval, both with a margin relative to the mean of
what it is held against: not worse than recent popularity on the whole slice, and, where there is a
champion, not worse than the champion on the queries that can be compared fairly.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from endcap.config import GateConfig
from endcap.evaluation.baselines import RECENT_POPULAR
from endcap.evaluation.bootstrap import Estimate
from endcap.evaluation.comparison import ChampionIdentity, ChampionScores, Judgement
from endcap.evaluation.scoreboard import FULL_STACK, Scoreboard


class Outcome(StrEnum):
    """What becomes of a challenger."""

    PROMOTE = "promote"
    KEEP = "keep"
    """The champion stays, or there is still none; the challenger is refused."""
    ALREADY_CHAMPION = "already_champion"
    """The challenger is the champion: nothing to do, and no failure."""


@dataclass(frozen=True)
class GateDecision:
    """The outcome with its reasons, each one sentence."""

    outcome: Outcome
    reasons: tuple[str, ...]

    @property
    def promote(self) -> bool:
        """Whether the challenger becomes the champion."""
        return self.outcome is Outcome.PROMOTE

    def to_fields(self) -> dict[str, Any]:
        """Return the decision as JSON fields: promote, outcome, reasons."""
        return {**asdict(self), "reasons": list(self.reasons), "promote": self.promote}


def decide(
    scoreboard: Scoreboard,
    *,
    challenger_version: str,
    champion: ChampionIdentity | None,
    comparison: ChampionScores | None,
    config: GateConfig,
) -> GateDecision:
    """Return whether the challenger may be promoted.

    * The challenger is the champion: nothing changes.
    * Too little was measured to say anything (no value, or fewer than `min_queries` queries): it
      is promoted only where there is no champion to protect.
    * It must not be worse than popularity: lower end of the paired difference above
      ``-noninferiority_margin * mean(popularity)``.
    * With a champion, the same against the champion. If no fair comparison was possible, or it has
      fewer than `min_queries` queries, the check against popularity alone decides, and the
      reasons say so.

    Parameters
    ----------
    comparison
        Challenger against champion (`comparison.compare_recorded`, else `compare_live`); None if
        neither was possible.
    """
    if champion is not None and champion.version == challenger_version:
        return GateDecision(
            Outcome.ALREADY_CHAMPION, (f"{challenger_version} is already the champion",)
        )
    measured = _too_little(scoreboard, config)
    if measured:
        if champion is None:
            return GateDecision(
                Outcome.PROMOTE, (measured, "there is no champion to protect: promoted unmeasured")
            )
        return GateDecision(Outcome.KEEP, (measured, f"the champion {champion.version} stays"))
    checks = [_against_popularity(scoreboard, config)]
    if champion is None:
        checks.append((True, "there is no champion yet"))
    else:
        checks += _against_champion(scoreboard, champion, comparison, config)
    passed = all(ok for ok, _ in checks)
    return GateDecision(
        Outcome.PROMOTE if passed else Outcome.KEEP, tuple(reason for _, reason in checks)
    )


def _too_little(scoreboard: Scoreboard, config: GateConfig) -> str:
    """Return why nothing can be concluded from the scoreboard; empty if something can."""
    if config.task not in scoreboard.tasks or not scoreboard.n_queries:
        return "the evaluation is empty"
    n = scoreboard.scores(config.task).n_queries
    if not scoreboard.estimate(FULL_STACK, config.metric, task=config.task).is_measured:
        return f"{config.metric} of the challenger was not measured"
    if n < config.min_queries:
        return f"only {n} queries to measure with; the gate needs {config.min_queries}"
    return ""


def _against_popularity(scoreboard: Scoreboard, config: GateConfig) -> tuple[bool, str]:
    """Return whether the challenger is not worse than popularity, and the sentence about it."""
    difference = scoreboard.difference(RECENT_POPULAR, config.metric, task=config.task)
    if not difference.is_measured:
        return False, "recent popularity was not measured, so the challenger cannot be judged"
    baseline = scoreboard.estimate(RECENT_POPULAR, config.metric, task=config.task)
    return _not_worse(difference, baseline, "recent popularity", config)


def _against_champion(
    scoreboard: Scoreboard,
    champion: ChampionIdentity,
    comparison: ChampionScores | None,
    config: GateConfig,
) -> Sequence[tuple[bool, str]]:
    """Return the checks against the champion, with how it was judged."""
    checks: list[tuple[bool, str]] = []
    if champion.cut_ms > scoreboard.cut_ms:
        checks.append((True, _has_seen(champion, comparison)))
    if comparison is None or not comparison.difference.is_measured:
        checks.append((True, "no fair comparison with the champion: popularity alone decided"))
    elif comparison.n_queries < config.min_queries:
        reason = (
            f"only {comparison.n_queries} queries to compare with the champion on, below "
            f"{config.min_queries}: popularity alone decided"
        )
        checks.append((True, reason))
    else:
        name = f"the champion {champion.version} on {comparison.n_queries} queries"
        checks.append(_not_worse(comparison.difference, comparison.champion, name, config))
    return checks


def _has_seen(champion: ChampionIdentity, comparison: ChampionScores | None) -> str:
    """Return the sentence on a champion whose data reach into the test slice."""
    how = {
        None: "it was not compared",
        Judgement.RECORDED: "it is judged by its own hold-out model's scores on the same queries",
        Judgement.UNSEEN_PART: "it is judged only on the queries after its data cut",
        Judgement.WHOLE_SLICE: "it is judged on the whole slice",
    }[comparison.judgement if comparison else None]
    return f"the champion {champion.version} has seen part of the test slice; {how}"


def _not_worse(
    difference: Estimate, reference: Estimate, name: str, config: GateConfig
) -> tuple[bool, str]:
    """Return whether the difference's lower end is above minus the margin, and the sentence."""
    margin = config.noninferiority_margin * abs(reference.mean)
    # equal models differ by exactly 0 and pass even with a margin of 0
    passed = difference.low >= -margin
    verdict = "not worse than" if passed else "may be worse than"
    return passed, (
        f"{verdict} {name}: {config.metric} {difference.mean:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}] against {reference.mean:.4f}, "
        f"margin {margin:.4f}"
    )
