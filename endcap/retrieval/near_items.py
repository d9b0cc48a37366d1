"""Where a visitor's best items by inner product lie: near those that were touched last.

A folded-in vector is a combination of ``inverse @ y`` over the factors y of the history's items,
and with weights that halve every event or two the newest few decide it. So the items with the
largest products lie among those that are largest for one of these items alone, which are listed
once, when the model is fitted. The visitor's own products with the listed items are exact.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import run_starts
from endcap.dataset.histories import Histories
from endcap.retrieval.inner_product import best_of_pairs, largest_inner_products
from endcap.retrieval.recency import ages_of
from endcap.retrieval.source import Proposals, concatenate_proposals

NEWEST_EVENTS: Final = 5
OWNERS_PER_PROPOSED: Final = 2
"""Items that have lists, for each one that is proposed: of what is rare, many are touched once."""
WORTH_LISTING: Final = 10_000
"""With fewer items, to look at all of them costs less than a look into lists."""
PER_ASKED: Final = 2
"""A list must be this many times as long as what is asked for."""

_PRODUCTS_AT_ONCE: Final = 1 << 24
_OWNERS_AT_ONCE: Final = 1000


def list_near_items(
    item_factors: NDArray[np.float32],
    inverse: NDArray[np.float64] | None,
    *,
    n_proposed: int,
    length: int,
    largest_norm: float,
    threads: int = 1,
) -> NDArray[np.uint16 | np.uint32]:
    """Return, for each item, the `length` proposed ones that come first for who touched it alone.

    `item_factors` float32 (n, f), of which the first `n_proposed` are proposed; `inverse` float64
    (f, f): what the factors of a visitor of one item are that item's times; None if they are its
    own. Positions among the proposed, (n, length), by product; where fewer have a positive one, the
    first of all fills the list. (0, 0) if listing is not worth it. `threads` do not change it.
    """
    if not length or n_proposed < WORTH_LISTING:
        return np.zeros((0, 0), dtype=np.uint16)
    # Training's, not serving's.
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    vectors = item_factors
    if inverse is not None:
        vectors = (item_factors.astype(np.float64) @ inverse).astype(np.float32)
    items = item_factors[:n_proposed]

    def best(owners: NDArray[np.float32]) -> Proposals:
        return largest_inner_products(owners, items, k=length, largest_norm=largest_norm)

    n = len(item_factors)
    parts = np.array_split(vectors, -(-n // _OWNERS_AT_ONCE))
    # Each part on one core: of the work beside the products, BLAS does nothing in parallel.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        found = concatenate_proposals(list(pool.map(best, parts)))
    near: NDArray[np.uint16 | np.uint32] = np.zeros(
        (n, length), dtype=np.uint16 if n_proposed <= 1 << 16 else np.uint32
    )
    row = np.repeat(np.arange(n), np.diff(found.ptr))
    near[row, np.arange(len(found.item)) - found.ptr[row]] = found.item
    return near


@dataclass(frozen=True, eq=False, repr=False)
class ListedVisitors:
    """Whose newest known items all have lists, and these items.

    `is_listed` bool (visitors,). `visitor` int64 (m,), rising, and `row` int32 (m,): the rows of
    their lists. `of_one` bool (visitors,): who touched no two known items, ever.
    """

    is_listed: NDArray[np.bool_]
    visitor: NDArray[np.int64]
    row: NDArray[np.int32]
    of_one: NDArray[np.bool_]


def listed_visitors(
    histories: Histories, row_of_item: NDArray[np.int32], n_listed: int
) -> ListedVisitors:
    """Return whose newest known items all have lists.

    Who touched no known item has nothing to list, and is listed. `row_of_item` int32 (n_items,),
    -1 for an item that counts as unknown.
    """
    visitor, row = _known(histories, row_of_item)
    of_one = np.ones(len(histories), dtype=bool)
    of_one[visitor[1:][(row[1:] != row[:-1]) & (visitor[1:] == visitor[:-1])]] = False
    is_new = ages_of(visitor, len(histories)) < NEWEST_EVENTS
    if not is_new.all():
        visitor, row = visitor[is_new], row[is_new]
    is_listed = np.ones(len(histories), dtype=bool)
    is_listed[visitor[row >= n_listed]] = False
    kept = is_listed[visitor]
    return ListedVisitors(is_listed, visitor[kept], row[kept], of_one)


def _known(
    histories: Histories, row_of_item: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the events on items that have a row: visitor, and the item's row."""
    visitor, item = histories.rows(), histories.item
    in_catalogue = (item >= 0) & (item < len(row_of_item))
    if not in_catalogue.all():
        visitor, item = visitor[in_catalogue], item[in_catalogue]
    row = row_of_item[item]
    has_row = row >= 0
    if has_row.all():
        return visitor, row
    return visitor[has_row], row[has_row]


def best_of_near(
    vectors: NDArray[np.float32],
    items: NDArray[np.float32 | np.float16],
    near: NDArray[np.uint16 | np.uint32],
    listed: ListedVisitors,
    *,
    k: int,
) -> Proposals:
    """Return, for each vector, the `k` items with the largest positive product of those listed.

    `vectors` float32 (n, f): of those visitors that are listed, in order.
    """
    n, of_one = len(vectors), listed.of_one[listed.is_listed]
    visitor = (np.cumsum(listed.is_listed) - 1)[listed.visitor]
    at_once = max(1, _PRODUCTS_AT_ONCE // (NEWEST_EVENTS * near.shape[1] * items.shape[1]))
    edges = np.searchsorted(visitor, np.arange(0, n + at_once, at_once))
    return concatenate_proposals(
        [
            _best_of_chunk(
                vectors[start : start + at_once],
                items,
                near[listed.row[edges[chunk] : edges[chunk + 1]]],
                visitor[edges[chunk] : edges[chunk + 1]] - start,
                of_one[start : start + at_once],
                k,
            )
            for chunk, start in enumerate(range(0, n, at_once))
        ]
    )


def _best_of_chunk(
    vectors: NDArray[np.float32],
    items: NDArray[np.float32 | np.float16],
    lists: NDArray[np.uint16 | np.uint32],
    visitor: NDArray[np.int64],
    of_one: NDArray[np.bool_],
    k: int,
) -> Proposals:
    # Who touched one item alone points where that item's list was made for: it begins with the k.
    if of_one.all():
        lists = lists[:, :k]
    packed = (visitor[:, None] * len(items) + lists).ravel()
    if of_one.any() and not of_one.all():
        within = np.where(of_one, k, lists.shape[1])[visitor]
        packed = packed[(np.arange(lists.shape[1]) < within[:, None]).ravel()]
    # A visitor's lists overlap; each pair of visitor and item is looked at once.
    packed.sort()
    packed = packed[run_starts(packed)] if len(packed) else packed
    if len(vectors) == 1:
        return best_of_pairs(vectors, items, np.zeros_like(packed), packed, k=k)
    row, item = np.divmod(packed, len(items))
    return best_of_pairs(vectors, items, row, item, k=k)
