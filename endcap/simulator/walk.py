"""Which item is looked at next: a mixture of simple moves, so that the truth has a closed form.

Each view is one move, drawn with the probabilities of `MOVES`:

``taste``     an item of one of the visitor's interests (niches), by popularity within it
``popular``   any item, by popularity
``category``  an item of the same category as the last one, by popularity
``similar``   a row of the transition table of the last item
``repeat``    the last item again
``back``      the item ``1 + floor(t u^2)`` views ago, out of t before; u uniform

An item that is not on sale at that moment is replaced by its substitute.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import NEVER_MS, Catalogue
from endcap.simulator.drift import Drift, DriftPlan
from endcap.simulator.sessions import Views
from endcap.simulator.visitors import INTEREST_WEIGHTS, Visitors

MOVES: Final = ("taste", "popular", "category", "similar", "repeat", "back")
FIRST, OPENING, INSIDE = 0, 1, 2
MOVE_PROBABILITIES: Final = np.array(
    [
        [[0.82, 0.18, 0.0, 0.0, 0.0, 0.0], [0.70, 0.30, 0.0, 0.0, 0.0, 0.0]],
        [[0.52, 0.16, 0.0, 0.08, 0.06, 0.18], [0.52, 0.24, 0.0, 0.10, 0.04, 0.10]],
        [[0.17, 0.11, 0.17, 0.30, 0.11, 0.14], [0.22, 0.16, 0.22, 0.26, 0.06, 0.08]],
    ]
)
"""[situation, before or after a drift of behaviour, move]. Situations: a visitor's first view, the
first of a later session, and any other."""
_RETIRED_SHARE: Final = 0.4


@dataclass(frozen=True)
class Steps:
    """What was looked at: `item` int64 and `move` int8 (index into `MOVES`), one row a view."""

    item: NDArray[np.int64]
    move: NDArray[np.int8]


@dataclass(frozen=True)
class Succession:
    """Who takes the place of an item that is not on sale.

    `retired`: bool[items], gone from `retired_from_ms` on; `successor`: int64[items].
    """

    retired: NDArray[np.bool_]
    successor: NDArray[np.int64]
    retired_from_ms: int

    def on_sale(
        self, catalogue: Catalogue, item: NDArray[np.int64], time_ms: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return `item`, or what stands in its place at `time_ms`."""
        off = (time_ms < catalogue.sale_from_ms[item]) | (time_ms >= catalogue.sale_to_ms[item])
        present = np.where(off, catalogue.substitute[item], item)
        gone = self.retired[present] & (time_ms >= self.retired_from_ms)
        return np.where(gone, self.successor[present], present)


def succession(
    catalogue: Catalogue, plan: DriftPlan | None, rng: np.random.Generator
) -> Succession:
    """Return who is retired at a drift of the catalogue and who, unseen until then, follows."""
    n = len(catalogue)
    at_ms = plan.begun(Drift.CATALOGUE) if plan else None
    if at_ms is None:
        return Succession(np.zeros(n, dtype=np.bool_), np.arange(n), NEVER_MS)
    unseen = np.flatnonzero(catalogue.weight == 0)
    active = np.flatnonzero(catalogue.weight > 0)
    count = min(round(_RETIRED_SHARE * len(active)), len(unseen))
    leaving = np.sort(rng.choice(active, count, replace=False))
    retired, successor = np.zeros(n, dtype=np.bool_), np.arange(n)
    retired[leaving] = True
    successor[leaving] = unseen[np.arange(count) * len(unseen) // max(count, 1)]
    return Succession(retired, successor, at_ms)


def walk(
    catalogue: Catalogue,
    visitors: Visitors,
    views: Views,
    plan: DriftPlan | None,
    following: Succession,
    rng: np.random.Generator,
) -> Steps:
    """Return the item and the move of every view.

    The number of draws does not depend on the drift: up to its date, the log is the same with
    and without it.
    """
    drift_ms = plan.begun(Drift.BEHAVIOUR) if plan else None
    after = views.time_ms >= (NEVER_MS if drift_ms is None else drift_ms)
    items = np.full(len(views.visitor), -1, dtype=np.int64)
    moves = np.zeros(len(items), dtype=np.int8)
    counts = np.diff(views.ptr)
    busiest_first = np.argsort(-counts, kind="stable")
    active_at = np.searchsorted(-counts[busiest_first], -np.arange(counts.max()), side="left")
    cumulative_moves = np.cumsum(MOVE_PROBABILITIES, axis=2)[:, :, :-1]
    for step in range(int(counts.max())):
        visitor = busiest_first[: active_at[step]]
        at = views.ptr[visitor] + step
        u = rng.random((3, len(at)))
        situation = np.where(views.opens[at], OPENING, INSIDE) if step else np.zeros_like(at)
        thresholds = cumulative_moves[situation, after[at].astype(np.int64)]
        move = (u[0][:, None] >= thresholds).sum(axis=1)
        chosen = _targets(
            catalogue, visitors, items, _Moment(visitor, at, step, move, after[at], u)
        )
        items[at] = following.on_sale(catalogue, chosen, views.time_ms[at])
        moves[at] = move
    return Steps(items, moves)


@dataclass(frozen=True)
class _Moment:
    """The views made at one step of the walk, by all visitors who get that far."""

    visitor: NDArray[np.int64]
    at: NDArray[np.int64]
    step: int
    move: NDArray[np.int64]
    after: NDArray[np.bool_]
    u: NDArray[np.float64]

    def of(self, move: str) -> NDArray[np.int64]:
        return np.flatnonzero(self.move == MOVES.index(move))


def _targets(
    catalogue: Catalogue, visitors: Visitors, items: NDArray[np.int64], now: _Moment
) -> NDArray[np.int64]:
    last = items[now.at - 1] if now.step else np.zeros_like(now.at)
    chosen = last.copy()
    rows = now.of("taste")
    start, stop = _interest_ranges(catalogue, visitors, now, rows)
    chosen[rows] = catalogue.draw(start, stop, now.u[1][rows])
    rows = now.of("popular")
    everything = np.full(len(rows), len(catalogue))
    chosen[rows] = catalogue.draw(np.zeros_like(everything), everything, now.u[1][rows])
    if now.step == 0:  # a first view has no other moves
        return chosen
    rows = now.of("category")
    category = catalogue.category[last[rows]]
    start, stop = catalogue.category_start[category], catalogue.category_start[category + 1]
    drawn = catalogue.draw(start, stop, now.u[1][rows])
    chosen[rows] = np.where(drawn < 0, last[rows], drawn)
    rows = now.of("similar")
    column = (now.u[1][rows][:, None] >= catalogue.similar_cumulative[last[rows], :-1]).sum(axis=1)
    chosen[rows] = catalogue.similar[last[rows], column]
    rows = now.of("back")
    ago = 1 + np.floor(now.step * now.u[1][rows] ** 2).astype(np.int64)
    chosen[rows] = items[now.at[rows] - np.minimum(ago, now.step)]
    return chosen


def _interest_ranges(
    catalogue: Catalogue, visitors: Visitors, now: _Moment, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    which = np.searchsorted(np.cumsum(INTEREST_WEIGHTS)[:-1], now.u[2][rows], side="right")
    visitor = now.visitor[rows]
    niche = np.where(
        now.after[rows],
        visitors.interests_after[visitor, which],
        visitors.interests[visitor, which],
    ).astype(np.int64)
    return catalogue.niche_start[niche], catalogue.niche_start[niche + 1]
