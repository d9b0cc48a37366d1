"""Temporal splits: four cuts in time, each with its own window of labels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from endcap.errors import NotEnoughDataError

if TYPE_CHECKING:  # what answers reads a day's length here, and no configuration of a run
    from endcap.config import SplitConfig

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Fold:
    """Fit on what lies before `cut_ms`; labels lie in ``[cut_ms, end_ms)``. UTC epoch ms.

    The serving fold has no labels: its window is empty.
    """

    name: str
    cut_ms: int
    end_ms: int

    @property
    def days(self) -> float:
        """The length of the label window."""
        return (self.end_ms - self.cut_ms) / DAY_MS


def plan_folds(
    first_ms: int, last_ms: int, config: "SplitConfig", *, moments: int = 0, wanted: int = 0
) -> tuple[Fold, ...]:
    """Return the folds ``ranking``, ``calibration``, ``test`` and ``serving``, oldest cut first.

    The windows follow each other without a gap and end at the serving cut: the configured as-of
    time, or one millisecond past the last event. A window is as long as configured, but at most
    `max_window_share` of the span of the log, so that a short log still leaves most of itself to
    learn from. `first_ms` and `last_ms`: times of the first and last event before the as-of time.
    `moments`: how many the log holds at which a visitor did something again; the ranking window is
    made as long as it takes to hold `wanted` of them on average, up to `max_ranking_days`.

    Raises `NotEnoughDataError` if the log spans less than a minute.

    >>> from endcap.config import SplitConfig
    >>> [f.name for f in plan_folds(0, 100 * DAY_MS, SplitConfig())]
    ['ranking', 'calibration', 'test', 'serving']
    """
    end = last_ms + 1 if config.as_of is None else int(config.as_of.timestamp() * 1000)
    span = end - first_ms
    if span < 60_000:
        raise NotEnoughDataError(
            f"the log spans {span / 1000:.0f} s before the as-of time; it needs a minute at least"
        )
    longest = config.max_window_share * span
    ranking_days = config.ranking_days
    if moments:
        enough_days = wanted / moments * span / DAY_MS
        ranking_days = max(ranking_days, min(enough_days, config.max_ranking_days))
    test, calibration, ranking = (
        max(1, int(min(days * DAY_MS, longest)))
        for days in (config.test_days, config.calibration_days, ranking_days)
    )
    test_cut = end - test
    calibration_cut = test_cut - calibration
    ranking_cut = calibration_cut - ranking
    return (
        Fold("ranking", ranking_cut, calibration_cut),
        Fold("calibration", calibration_cut, test_cut),
        Fold("test", test_cut, end),
        Fold("serving", end, end),
    )
