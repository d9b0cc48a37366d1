"""Small test slices, written out by hand or drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from endcap.dataset.histories import Histories
from endcap.dataset.queries import Queries
from endcap.dataset.splits import Fold
from endcap.evaluation.recommendations import Recommendations, from_lists

MINUTE_MS = 60_000
FOLD = Fold("test", 1_000_000_000_000, 1_000_600_000_000)


@dataclass(frozen=True)
class Moment:
    """One query: what was seen, what follows as (item, relevance), the first of which is next."""

    seen: Sequence[int]
    follows: Sequence[tuple[int, float]]
    user: int = 0
    seen_minutes_ago: Sequence[float] | None = None


def queries_of(*moments: Moment) -> Queries:
    """Return moments a minute apart; events of a history are a minute apart unless said."""
    n = len(moments)
    now = np.array([FOLD.cut_ms + i * MINUTE_MS for i in range(n)], dtype=np.int64)
    ages = [
        m.seen_minutes_ago if m.seen_minutes_ago is not None else range(len(m.seen) - 1, -1, -1)
        for m in moments
    ]
    times = [
        int(now[i] - age * MINUTE_MS) for i, moment_ages in enumerate(ages) for age in moment_ages
    ]
    labels = [
        (i, *label, place == 0)
        for i, m in enumerate(moments)
        for place, label in enumerate(m.follows)
    ]
    labels.sort(key=lambda label: (label[0], label[1]))
    histories = Histories(
        ptr=np.cumsum([0, *(len(m.seen) for m in moments)]).astype(np.int64),
        item=np.array([item for m in moments for item in m.seen], dtype=np.int32),
        event_type=np.zeros(len(times), dtype=np.int8),
        time_ms=np.array(times, dtype=np.int64),
        now_ms=now,
    )
    return Queries(
        histories=histories,
        user=np.array([m.user for m in moments], dtype=np.int32),
        time_ms=now + 1,
        label_ptr=np.cumsum([0, *(len(m.follows) for m in moments)]).astype(np.int64),
        label_item=np.array([label[1] for label in labels], dtype=np.int32),
        label_relevance=np.array([label[2] for label in labels], dtype=np.float32),
        label_first=np.array([label[3] for label in labels], dtype=np.bool_),
    )


def random_queries(rng: np.random.Generator, *, n: int, n_items: int) -> Queries:
    """Return a slice with repeats, unknown items (codes past the catalogue) and few visitors."""
    moments = []
    for _ in range(n):
        seen = rng.integers(-1, n_items, size=rng.integers(1, 8)).tolist()
        follows = rng.choice(n_items + 3, size=min(int(rng.integers(1, 6)), n_items), replace=False)
        graded = [(int(item), float(rng.integers(1, 4))) for item in follows]
        moments.append(Moment(seen, graded, user=int(rng.integers(max(1, n // 3)))))
    return queries_of(*moments)


def random_lists(rng: np.random.Generator, *, n: int, n_items: int, width: int) -> Recommendations:
    """Return lists of random lengths without repeated items."""
    return from_lists(
        [rng.permutation(n_items)[: rng.integers(0, width + 1)].tolist() for _ in range(n)],
        width=width,
    )
