"""Whether to train anew: what speaks for it, and what it must wait for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_DAY_MS: Final = 86_400_000
_MONTH_DAYS: Final = 30


@dataclass(frozen=True)
class RetrainingPolicy:
    """When a model is trained anew.

    `drifted_share`: from this share of drifted columns on. `cooldown_days`: not again within these
    days after a model was promoted or training was last asked for. `max_per_month`: not more often
    than this within 30 days, whatever happens; training costs.
    """

    drifted_share: float
    cooldown_days: float
    max_per_month: int


@dataclass(frozen=True)
class RetrainingDecision:
    """`retrain`: whether to. `reasons`: what speaks for it. `held_back`: what it waits for."""

    retrain: bool
    reasons: tuple[str, ...]
    held_back: tuple[str, ...]


def decide(
    *,
    drifted_share: float | None,
    asked_ms: Sequence[int],
    promoted_ms: int,
    policy: RetrainingPolicy,
    now_ms: int,
) -> RetrainingDecision:
    """Return whether to train anew.

    Parameters
    ----------
    drifted_share
        Share of the watched columns that have drifted; None if that cannot be said.
    asked_ms
        When training was asked for earlier, UTC epoch ms.
    promoted_ms
        When the champion became that.
    now_ms
        The present.
    """
    reasons = []
    if drifted_share is not None and drifted_share >= policy.drifted_share:
        reasons.append(
            f"{drifted_share:.0%} of the watched columns drifted; "
            f"training is asked for from {policy.drifted_share:.0%} on"
        )
    held_back = []
    # A log of the past is looked at from within it: what happened later has not happened yet.
    earlier = [moment for moment in asked_ms if moment < now_ms]
    known = [moment for moment in (*earlier, promoted_ms) if moment < now_ms]
    wait_days = policy.cooldown_days - (now_ms - max(known, default=0)) / _DAY_MS
    if wait_days > 0:
        held_back.append(f"the last training is too recent: {wait_days:.1f} more days")
    recent = sum(now_ms - moment < _MONTH_DAYS * _DAY_MS for moment in earlier)
    if recent >= policy.max_per_month:
        held_back.append(
            f"{recent} trainings were asked for within {_MONTH_DAYS} days, "
            f"and {policy.max_per_month} are allowed"
        )
    return RetrainingDecision(bool(reasons) and not held_back, tuple(reasons), tuple(held_back))
