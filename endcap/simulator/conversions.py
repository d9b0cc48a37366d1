"""Carts and transactions: a logistic funnel on top of the views.

    logit P(cart | view)        = a + quality - sensitivity * relative price + 0.5 * min(seen, 4)
                                    + 0.6 * in interest + intent
    logit P(transaction | cart) = b + 0.5 * quality - 0.5 * sensitivity * relative price
                                    + 0.5 * intent

and 0 for an item that is out of stock at that moment. Relative price is the logarithm of the price
over the category's usual price; `seen` counts the visitor's earlier views of the item. The
intercepts a and b are set once, on the shop without drift, so that the totals come out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.sessions import Views
from endcap.simulator.shelf import Shelf
from endcap.simulator.visitors import Visitors
from endcap.simulator.walk import Steps

_CART_WINDOW_MS: Final = 120_000
_CHECKOUT_MS: Final = (_CART_WINDOW_MS, 600_000)


@dataclass(frozen=True)
class Funnel:
    """Probabilities' logits without intercept, -inf where nothing can be sold.

    `cart` and `cart_time_ms`, `checkout_ms`, `transaction`: one row a view; `transaction` is the
    logit of buying at the session's checkout what was put into the cart at that view.
    """

    order: NDArray[np.int64]
    cart: NDArray[np.float64]
    cart_time_ms: NDArray[np.int64]
    transaction: NDArray[np.float64]
    checkout_ms: NDArray[np.int64]


@dataclass(frozen=True)
class Intercepts:
    """What makes the totals come out."""

    cart: float
    transaction: float


@dataclass(frozen=True)
class Conversions:
    """Views (indices) that led to a cart, carts that were bought, and P(cart) of every view."""

    carts: NDArray[np.int64]
    bought: NDArray[np.int64]
    cart_probability: NDArray[np.float32]


def funnel(
    catalogue: Catalogue,
    shelf: Shelf,
    visitors: Visitors,
    views: Views,
    steps: Steps,
    rng: np.random.Generator,
) -> Funnel:
    """Return the logits and the moments of all possible carts and transactions."""
    u = rng.random((2, len(steps.item)))
    next_gap = np.append(np.diff(views.time_ms), _CART_WINDOW_MS)
    next_gap[np.append(np.diff(views.session) > 0, True)] = _CART_WINDOW_MS
    cart_time = views.time_ms + ((0.2 + 0.6 * u[0]) * next_gap.clip(max=_CART_WINDOW_MS)).astype(
        np.int64
    )
    last = np.append(np.flatnonzero(views.opens)[1:], len(views.opens)) - 1
    low, high = _CHECKOUT_MS
    wait = (low + (high - low) * u[1][last]).astype(np.int64)
    checkout = (views.time_ms[last] + wait)[views.session]
    relative = _relative_price(catalogue, shelf, steps.item, views.time_ms)
    quality, intent = catalogue.quality[steps.item], visitors.intent[views.visitor]
    priced = visitors.price_sensitivity[views.visitor] * relative
    niche = catalogue.niche[steps.item][:, None]
    wanted = (visitors.interests[views.visitor] == niche).any(axis=1)
    seen = _times_seen(views.visitor, steps.item, len(catalogue))
    cart = quality - priced + 0.5 * np.minimum(seen, 4) + 0.6 * wanted + intent
    transaction = 0.5 * (quality - priced + intent)
    cart[~_in_stock(shelf, steps.item, cart_time)] = -np.inf
    transaction[~_in_stock(shelf, steps.item, checkout)] = -np.inf
    order = np.lexsort((views.visitor, views.time_ms))
    return Funnel(order, cart, cart_time, transaction, checkout)


def convert(
    chances: Funnel,
    views: Views,
    steps: Steps,
    totals: tuple[int, int],
    intercepts: Intercepts | None,
    rng: np.random.Generator,
) -> tuple[Conversions, Intercepts]:
    """Draw carts and transactions; set the intercepts for `totals` unless they are given.

    Sampling is systematic in order of time: each view is chosen with exactly its probability, and
    the totals come out to within one.
    """
    u = rng.random(2)
    a = intercepts.cart if intercepts else _intercept(chances.cart, totals[0])
    probability = _sigmoid(chances.cart + a)
    carts = chances.order[_systematic(probability[chances.order], u[0])]
    session_item = views.session[carts] * (int(steps.item.max()) + 1) + steps.item[carts]
    once = carts[np.sort(np.unique(session_item, return_index=True)[1])]
    b = intercepts.transaction if intercepts else _intercept(chances.transaction[once], totals[1])
    bought = once[_systematic(_sigmoid(chances.transaction[once] + b), u[1])]
    done = Conversions(carts, bought, probability.astype(np.float32))
    return done, Intercepts(a, b)


def _relative_price(
    catalogue: Catalogue, shelf: Shelf, item: NDArray[np.int64], time_ms: NDArray[np.int64]
) -> NDArray[np.float64]:
    return np.log(shelf.price[item, shelf.week(time_ms)] / catalogue.category_price[item])


def _in_stock(
    shelf: Shelf, item: NDArray[np.int64], time_ms: NDArray[np.int64]
) -> NDArray[np.bool_]:
    return shelf.available[item, shelf.week(time_ms)]


def _times_seen(
    visitor: NDArray[np.int64], item: NDArray[np.int64], n_items: int
) -> NDArray[np.int64]:
    """Count the visitor's earlier views of the same item; views are in visitor-major order."""
    pair = visitor * n_items + item
    order = np.argsort(pair, kind="stable")
    fresh = np.diff(pair[order], prepend=-1) != 0
    rank = np.arange(len(pair)) - np.flatnonzero(fresh)[np.cumsum(fresh) - 1]
    seen = np.empty(len(pair), dtype=np.int64)
    seen[order] = rank
    return seen


def _sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-logit.clip(-50, 50)))
    return np.where(np.isfinite(logit), chance, 0.0)


def _intercept(logit: NDArray[np.float64], total: int) -> float:
    low, high = -30.0, 30.0
    possible = logit[np.isfinite(logit)]
    for _ in range(50):
        middle = (low + high) / 2
        if _sigmoid(possible + middle).sum() > total:
            high = middle
        else:
            low = middle
    return low


def _systematic(probability: NDArray[np.float64], u: float) -> NDArray[np.int64]:
    ticks = np.floor(np.cumsum(probability) + u)
    return np.flatnonzero(np.diff(ticks, prepend=0.0) > 0)
