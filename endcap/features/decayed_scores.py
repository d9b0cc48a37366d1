"""What a visitor is drawn to: sums of event weights that halve with the half-life of their type.

Sums are kept by forward decay: scaled to a landmark, a whole number of half-lives since 1970, so
that moving the landmark multiplies by a power of two, which is exact. A stored score to which
events are added therefore equals, to the bit, the score computed from all events at once.

References: Cormode, Shkapenyuk, Srivastava & Xu (2009), Forward decay: a practical time decay model
for streaming systems.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.splits import DAY_MS
from endcap.features.keyed_sums import Groups, group_by

KINDS: Final = ("views", "carts", "purchases")
"""What has a half-life of its own; types that the shop added decay like views."""


def half_lives_ms(config: FeatureConfig) -> NDArray[np.int64]:
    """Return the half-life of each of `KINDS` in milliseconds, int64 (3,), not to be written to."""
    return _in_ms(
        config.affinity_view_half_life_days,
        config.affinity_cart_half_life_days,
        config.affinity_purchase_half_life_days,
    )


@lru_cache(maxsize=16)
def _in_ms(*days: float) -> NDArray[np.int64]:
    found = np.asarray([max(round(value * DAY_MS), 1) for value in days], dtype=np.int64)
    found.flags.writeable = False
    return found


def kinds_of(event_type: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the position in `KINDS` of each event type code.

    >>> kinds_of(np.array([0, 1, 2, 3, -1], dtype=np.int8)).tolist()
    [0, 1, 2, 0, 0]
    """
    return np.where((event_type >= 0) & (event_type < len(KINDS)), event_type, 0).astype(np.int64)


def weights_of(
    event_type: NDArray[np.int8], event_weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the weight of each event type code; one without a weight counts like the first."""
    known = (event_type >= 0) & (event_type < len(event_weights))
    return event_weights[np.where(known, event_type, 0)].astype(np.float64)


def grown_weights(
    time_ms: NDArray[np.int64],
    weight: NDArray[np.float64],
    half_life_ms: NDArray[np.int64],
    landmark: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return ``weight * 2 ** (time / half_life - landmark)`` of each event, float64 (e,).

    `half_life_ms` int64 (e,); `landmark` int64 (e,) in half-lives, no earlier than the event's own.
    """
    whole = time_ms // half_life_ms
    rest = (time_ms - whole * half_life_ms) / half_life_ms
    grown: NDArray[np.float64] = np.ldexp(weight * np.exp2(rest), whole - landmark)
    return grown


def fading(now_ms: NDArray[np.int64], half_lives: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what turns sums scaled to ``now // half_life`` into those of now, float64 (n, 3)."""
    moment = now_ms[:, None]
    faded: NDArray[np.float64] = np.exp2(-((moment % half_lives) / half_lives))
    return faded


def sum_by_kind(
    groups: Groups, kind: NDArray[np.int64], grown: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sums per group and kind, float64 (g, 3), added in the order of the events."""
    n = len(KINDS)
    sums = np.bincount(groups.of_event * n + kind, weights=grown, minlength=len(groups) * n)
    return sums.astype(np.float64, copy=False).reshape(-1, n)


def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the kinds, in their order: a pairwise sum might add otherwise."""
    return values[:, 0] + values[:, 1] + values[:, 2]


@dataclass(frozen=True, eq=False, repr=False)
class DecayedScores:
    """Stored scores of g keys, such as (visitor, item) pairs.

    `keys` int64 (g,), ascending; `sums` float64 (g, 3), scaled to ``as_of_ms // half_lives``;
    `half_lives` int64 (3,) in milliseconds, as of `KINDS`.
    """

    keys: NDArray[np.int64]
    sums: NDArray[np.float64]
    as_of_ms: int
    half_lives: NDArray[np.int64]

    @classmethod
    def empty(cls, half_lives: NDArray[np.int64]) -> Self:
        """Return a store that knows no key."""
        nothing = np.zeros((0, len(KINDS)))
        return cls(nothing[:, 0].astype(np.int64), nothing, np.iinfo(np.int64).min, half_lives)

    def add(
        self,
        keys: NDArray[np.int64],
        event_type: NDArray[np.int8],
        weight: NDArray[np.float64],
        time_ms: NDArray[np.int64],
        *,
        as_of_ms: int,
    ) -> "DecayedScores":
        """Return the scores with these events added, in order of time, none after `as_of_ms`.

        Equal to the bit to adding all events at once, as long as events come in order of time; out
        of order, the last bits may differ.
        """
        kind, n = kinds_of(event_type), len(KINDS)
        landmark = as_of_ms // self.half_lives
        grown = grown_weights(time_ms, weight, self.half_lives[kind], landmark[kind])
        stored = self.sums
        if len(stored):
            stored = np.ldexp(stored, self.as_of_ms // self.half_lives - landmark)
        groups = group_by(np.concatenate([np.repeat(self.keys, n), keys]))
        sums = sum_by_kind(
            groups,
            np.concatenate([np.tile(np.arange(n), len(self.keys)), kind]),
            np.concatenate([stored.ravel(), grown]),
        )
        return DecayedScores(groups.keys[:-1], sums, as_of_ms, self.half_lives)

    def at(self, keys: NDArray[np.int64], now_ms: int) -> NDArray[np.float64]:
        """Return the scores of these keys as of `now_ms`, no earlier than `as_of_ms`; 0 if none."""
        place = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.zeros(len(keys))
        moved = np.ldexp(self.sums, self.as_of_ms // self.half_lives - now_ms // self.half_lives)
        scores = total(moved * fading(np.asarray([now_ms], np.int64), self.half_lives))
        return np.where(self.keys[place] == keys, scores[place], 0.0)
