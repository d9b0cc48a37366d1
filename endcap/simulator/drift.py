"""What changes in the shop from a date on."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from endcap.errors import ConfigError
from endcap.simulator.scales import Scale


class Drift(StrEnum):
    """Kinds of drift.

    ``price``      the price level rises, tree by tree, from the first snapshot at or after the date
    ``catalogue``  two fifths of the items leave the shelf and unseen ones take their place
    ``behaviour``  tastes turn, visitors repeat less and explore more, and fewer of them buy
    """

    PRICE = "price"
    CATALOGUE = "catalogue"
    BEHAVIOUR = "behaviour"


@dataclass(frozen=True)
class DriftPlan:
    """A kind of drift and the moment it begins."""

    kind: Drift
    at_ms: int

    def begun(self, kind: Drift) -> int | None:
        """Return the moment from which `kind` holds, or None if this plan is of another kind."""
        return self.at_ms if self.kind is kind else None


def plan_drift(drift: Drift | None, drift_at: date | None, scale: Scale) -> DriftPlan | None:
    """Return the plan, or None when nothing drifts.

    A plain date means midnight UTC. Raises `ConfigError` if only one of the two is given, or if the
    moment lies outside the simulated period.
    """
    if drift is None and drift_at is None:
        return None
    if drift is None or drift_at is None:
        raise ConfigError("drift needs both a kind and a date; give both or neither")
    at_ms = _epoch_ms(drift_at)
    if not scale.start_ms < at_ms < scale.end_ms:
        last = datetime.fromtimestamp(scale.end_ms / 1000, UTC).date()
        raise ConfigError(
            f"drift date {drift_at} is outside the shop's period, "
            f"{scale.start.date()} to {last}; choose a date inside it"
        )
    return DriftPlan(Drift(drift), at_ms)


def _epoch_ms(moment: date) -> int:
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    else:
        aware = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return round(aware.timestamp() * 1000)
