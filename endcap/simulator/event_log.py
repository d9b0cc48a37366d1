"""Everything that happened, in order of time, with exact duplicates."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.columns import ADD_TO_CART, TRANSACTION, VIEW
from endcap.simulator.conversions import Conversions, Funnel
from endcap.simulator.sessions import Views
from endcap.simulator.walk import Steps

EVENT_NAMES: Final = (VIEW, ADD_TO_CART, TRANSACTION)
CRAWL: Final = -1
"""As `move`: a bot's view. Carts and transactions carry the move of the view they come from."""


@dataclass(frozen=True)
class EventLog:
    """One row an event, sorted by time; `transaction` is -1 where there is none.

    `visitor`: humans first, then bots; `kind`: index into `EVENT_NAMES`; `view`: the view (index)
    it comes from, -1 for bots; `duplicate`: repeats the row before it.
    """

    time_ms: NDArray[np.int64]
    visitor: NDArray[np.int64]
    kind: NDArray[np.int8]
    item: NDArray[np.int64]
    transaction: NDArray[np.int64]
    view: NDArray[np.int64]
    move: NDArray[np.int8]
    duplicate: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time_ms)


def record_events(
    views: Views,
    steps: Steps,
    chances: Funnel,
    done: Conversions,
    crawled: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    duplicates: NDArray[np.int64],
    rng: np.random.Generator,
) -> EventLog:
    """Merge views, crawls, carts and transactions; repeat `duplicates` rows of each kind."""
    bot, crawl_ms, crawl_item = crawled
    carts, bought = done.carts, done.bought
    n_views, humans = len(views.visitor), len(views.ptr) - 1
    view = np.concatenate([np.arange(n_views), np.full(len(bot), -1), carts, bought])
    time_ms = np.concatenate(
        [views.time_ms, crawl_ms, chances.cart_time_ms[carts], chances.checkout_ms[bought]]
    )
    sizes = (n_views + len(bot), len(carts), len(bought))
    kind = np.repeat(np.arange(3, dtype=np.int8), sizes)
    visitor = np.where(view >= 0, views.visitor[view], 0)
    visitor[n_views : sizes[0]] = humans + bot
    item = steps.item[view]
    item[n_views : sizes[0]] = crawl_item
    move = np.where(view >= 0, steps.move[view], CRAWL).astype(np.int8)
    transaction = np.full(len(view), -1)
    transaction[sizes[0] + sizes[1] :] = _numbered(
        views.session[bought], chances.checkout_ms[bought]
    )
    order = np.lexsort((item, kind, visitor, time_ms))
    repeats = _repeats(kind[order], duplicates, rng)
    rows = np.repeat(order, repeats)
    again = np.diff(np.repeat(np.arange(len(order)), repeats), prepend=-1) == 0
    return EventLog(
        time_ms=time_ms[rows],
        visitor=visitor[rows],
        kind=kind[rows],
        item=item[rows],
        transaction=transaction[rows],
        view=view[rows],
        move=move[rows],
        duplicate=again,
    )


def _numbered(session: NDArray[np.int64], checkout_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return checkout numbers in order of time; what one session buys shares a number."""
    sessions, first, inverse = np.unique(session, return_index=True, return_inverse=True)
    number = np.empty(len(sessions), dtype=np.int64)
    number[np.lexsort((sessions, checkout_ms[first]))] = np.arange(len(sessions))
    return number[inverse]


def _repeats(
    kind: NDArray[np.int8], duplicates: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    repeats = np.ones(len(kind), dtype=np.int64)
    for code, count in enumerate(duplicates):
        rows = np.flatnonzero(kind == code)
        repeats[rng.choice(rows, min(int(count), len(rows)), replace=False)] = 2
    return repeats
