"""Traffic by hour and weekday."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.scales import DAY_MS, HOUR_MS, Scale

_WEEKDAYS: Final = (1.12, 1.12, 1.1, 1.06, 0.98, 0.78, 0.84)
"""Relative traffic from Monday to Sunday."""
_QUIET_HOUR: Final = 9.0
"""UTC hour with the least traffic: the shop's customers live west of Greenwich."""


@dataclass(frozen=True)
class Season:
    """The inverse of the cumulative traffic over the simulated period."""

    hour_ms: NDArray[np.int64]
    cumulative: NDArray[np.float64]

    def moment(self, quantile: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the moment (ms) before which the given share of the traffic has passed."""
        return np.interp(quantile, self.cumulative, self.hour_ms).astype(np.int64)


def season_of(scale: Scale) -> Season:
    """Return the shop's season: weekday by hour of the day, with a slow swell over the period."""
    hour_ms = np.arange(scale.start_ms, scale.end_ms + 1, HOUR_MS, dtype=np.int64)
    hours = hour_ms[:-1]
    weekday = (hours // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
    phase = 2 * np.pi * ((hours % DAY_MS) / HOUR_MS - _QUIET_HOUR) / 24
    slow = 1 + 0.1 * np.sin(2 * np.pi * np.arange(len(hours)) / (24 * 60))
    traffic = np.array(_WEEKDAYS)[weekday] * (1.05 - np.cos(phase)) * slow
    cumulative = np.concatenate([[0.0], np.cumsum(traffic)])
    return Season(hour_ms, cumulative / cumulative[-1])
