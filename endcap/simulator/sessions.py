"""When each visitor looks at something: sessions, and views inside them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.scales import DAY_MS, HOUR_MS, Scale
from endcap.simulator.season import season_of

_CLOSING_MS: Final = HOUR_MS
"""No view in the last hour, so that every checkout falls inside the period."""
_GAP_LOG_MS: Final = (np.log(55_000.0), 1.1)
_GAP_LIMITS_MS: Final = (2_000, 25 * 60_000)


@dataclass(frozen=True)
class Views:
    """Views in visitor-major order, oldest first; one row a view unless said otherwise.

    `visitor`, `session`: indices; `opens`: whether it is the session's first; `time_ms`; `ptr`:
    int64[visitors + 1], each visitor's range.
    """

    visitor: NDArray[np.int64]
    session: NDArray[np.int64]
    opens: NDArray[np.bool_]
    time_ms: NDArray[np.int64]
    ptr: NDArray[np.int64]


def plan_views(counts: NDArray[np.int64], scale: Scale, rng: np.random.Generator) -> Views:
    """Return the times of each visitor's `counts` views (all at least 1)."""
    ptr = np.concatenate([[0], np.cumsum(counts)])
    visitor = np.repeat(np.arange(len(counts)), counts)
    opens = rng.random(len(visitor)) < scale.new_session
    opens[ptr[:-1]] = True
    session = np.cumsum(opens) - 1
    first = np.flatnonzero(opens)
    gap = np.exp(rng.normal(*_GAP_LOG_MS, len(visitor))).clip(*_GAP_LIMITS_MS).astype(np.int64)
    gap[first] = 0
    elapsed = np.cumsum(gap)
    inside = elapsed - elapsed[first][session]
    last = np.append(first[1:], len(visitor)) - 1
    starts = _session_starts(visitor[first], inside[last], scale, rng)
    return Views(visitor, session, opens, starts[session] + inside, ptr)


def _session_starts(
    visitor: NDArray[np.int64],
    duration_ms: NDArray[np.int64],
    scale: Scale,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Scatter each visitor's sessions over a part of the period, at least an hour apart."""
    per_visitor = np.bincount(visitor)
    n = len(per_visitor)
    span = np.maximum(0.6 * rng.random(n) ** 3, 0.5 * per_visitor / scale.days).clip(max=0.95)
    middle = rng.random(n)
    quantile = middle[visitor] + span[visitor] * (rng.random(len(visitor)) - 0.5)
    quantile = 1 - np.abs(1 - np.abs(quantile))  # reflected at both ends: traffic stays even
    quantile = quantile[np.lexsort((quantile, visitor))]
    wished = season_of(scale).moment(quantile) - scale.start_ms
    return scale.start_ms + _kept_apart(visitor, wished, duration_ms + HOUR_MS, scale)


def _kept_apart(
    visitor: NDArray[np.int64],
    wished: NDArray[np.int64],
    needed: NDArray[np.int64],
    scale: Scale,
) -> NDArray[np.int64]:
    """Push sessions back until none overlaps, then pull the visitor inside the period."""
    period = scale.days * DAY_MS
    cumulative = np.cumsum(needed)
    before = cumulative - needed
    firsts = np.flatnonzero(np.diff(visitor, prepend=-1))
    before -= before[firsts][visitor]
    lane = visitor * (4 * period)  # visitors in lanes that the running maximum cannot leave
    start: NDArray[np.int64] = np.maximum.accumulate(wished - before + lane) - lane + before
    lasts = np.append(firsts[1:], len(visitor)) - 1
    excess = np.maximum(start[lasts] + needed[lasts] - HOUR_MS - (period - _CLOSING_MS), 0)
    pulled: NDArray[np.int64] = np.maximum(start - excess[visitor], 0)
    return pulled
