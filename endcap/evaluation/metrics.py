r"""Ranking metrics, one value a query.

All read `RankedGains`: for each query the gains of the recommended items in rank order (0 for a
miss) and the gains of what should have been recommended. With :math:`R` a query's relevant items,
:math:`g_i` the gain at rank i and :math:`h_i = 1` if :math:`g_i > 0`, else 0:

* hit rate: 1 if any :math:`h_1 \dots h_k` is 1
* recall: :math:`\sum_{i \le k} h_i / |R|`
* reciprocal rank: 1 / rank of the first hit up to k, 0 without one
* average precision: :math:`\frac{1}{|R|} \sum_{i \le k} h_i \frac{1}{i} \sum_{j \le i} h_j`
* NDCG: DCG over the DCG of the ideal order, :math:`DCG = \sum_{i \le k} g_i / \log_2(i + 1)`
  (Järvelin and Kekäläinen 2002, linear gains)

A query without relevant items has no value: NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.evaluation.recommendations import PADDING, Recommendations
from endcap.evaluation.tasks import RelevantItems

Values = NDArray[np.float64]


@dataclass(frozen=True)
class RankedGains:
    """Gains by rank.

    `found` float64 (n, width); `ideal` float64 (n, width): the best order there is, cut at the
    width; `n_relevant` int64 (n,).
    """

    found: Values
    ideal: Values
    n_relevant: NDArray[np.int64]


def rank_gains(
    recommendations: Recommendations, relevant: RelevantItems, *, n_items: int, width: int
) -> RankedGains:
    """Return the gains of the first `width` recommendations of each query.

    An item with a code of `n_items` or more is unknown at the cut and never found.
    """
    items = recommendations.items[:, :width]
    found = np.zeros((len(relevant), width), dtype=np.float64)
    stride = np.int64(max(n_items, 1))
    known = (relevant.item >= 0) & (relevant.item < n_items)
    keys = relevant.rows()[known] * stride + relevant.item[known]
    order = np.argsort(keys, kind="stable")
    keys, gain = keys[order], relevant.gain[known][order]
    rows, ranks = np.nonzero((items != PADDING) & (items < n_items))
    if len(keys) and len(rows):
        wanted = rows.astype(np.int64) * stride + items[rows, ranks]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found[rows, ranks] = np.where(keys[place] == wanted, gain[place], 0.0)
    return RankedGains(found, _ideal(relevant, width), relevant.counts())


def _ideal(relevant: RelevantItems, width: int) -> Values:
    """Return each query's gains in descending order, cut or padded with 0 to `width`."""
    rows = relevant.rows()
    order = np.lexsort((-relevant.gain, rows))
    rank = np.arange(len(rows), dtype=np.int64) - relevant.ptr[rows]
    inside = rank < width
    ideal = np.zeros((len(relevant), width), dtype=np.float64)
    ideal[rows[inside], rank[inside]] = relevant.gain[order][inside]
    return ideal


def hit_rate(gains: RankedGains, k: int) -> Values:
    """Return 1 where any of the first `k` is relevant, else 0."""
    hit: NDArray[np.bool_] = np.any(gains.found[:, :k] > 0, axis=1)
    return _of_task(gains, hit.astype(np.float64))


def recall(gains: RankedGains, k: int) -> Values:
    """Return the share of the relevant items that is among the first `k`."""
    hits = np.count_nonzero(gains.found[:, :k] > 0, axis=1)
    return _of_task(gains, hits / np.maximum(gains.n_relevant, 1))


def reciprocal_rank(gains: RankedGains, k: int) -> Values:
    """Return 1 / rank of the first relevant item among the first `k`, or 0."""
    hit = gains.found[:, :k] > 0
    rank = hit.argmax(axis=1) + 1 if hit.shape[1] else np.ones(len(hit), dtype=np.int64)
    return _of_task(gains, np.where(hit.any(axis=1), 1.0 / rank, 0.0))


def average_precision(gains: RankedGains, k: int) -> Values:
    """Return the mean, over all relevant items, of the precision at each one's rank up to `k`."""
    hit = gains.found[:, :k] > 0
    precision = hit.cumsum(axis=1) / np.arange(1, hit.shape[1] + 1)
    return _of_task(gains, (hit * precision).sum(axis=1) / np.maximum(gains.n_relevant, 1))


def ndcg(gains: RankedGains, k: int) -> Values:
    """Return the discounted gain of the first `k` over that of the ideal order."""
    discount = 1.0 / np.log2(np.arange(2, gains.found[:, :k].shape[1] + 2))
    ideal = (gains.ideal[:, :k] * discount).sum(axis=1)
    actual = (gains.found[:, :k] * discount).sum(axis=1)
    # an ideal order summed in the same order is equal to the bit, so the ratio never passes 1
    return _of_task(gains, np.divide(actual, ideal, out=np.zeros(len(ideal)), where=ideal > 0))


def _of_task(gains: RankedGains, values: Values) -> Values:
    """Return the values with NaN where the query has nothing relevant."""
    return np.where(gains.n_relevant > 0, values, np.nan)


ACCURACY: Final[dict[str, Callable[[RankedGains, int], Values]]] = {
    "hit_rate": hit_rate,
    "recall": recall,
    "mrr": reciprocal_rank,
    "ndcg": ndcg,
    "map": average_precision,
}


def self_information(item_counts: NDArray[np.int64]) -> Values:
    r"""Return :math:`-\log_2 p_i` of each item, by add-one smoothed shares of the events.

    :math:`p_i = (c_i + 1) / (\sum_j c_j + n)`, so an item without events is finite.
    """
    counts = np.asarray(item_counts, dtype=np.float64)
    share: Values = (counts + 1.0) / (counts.sum() + len(counts))
    return -np.log2(share)


def novelty(recommendations: Recommendations, information: Values, k: int) -> Values:
    """Return the mean self-information of the first `k` of each list; NaN for an empty list.

    After Zhou et al. 2010: a list of what everybody sees anyway is near 0. In bits.
    """
    return _mean_over_list(recommendations, information, k)


def cold_share(
    recommendations: Recommendations, item_counts: NDArray[np.int64], k: int, *, max_events: int
) -> Values:
    """Return the share of the first `k` of each list that had `max_events` events at most.

    NaN for an empty list.
    """
    is_cold = (np.asarray(item_counts) <= max_events).astype(np.float64)
    return _mean_over_list(recommendations, is_cold, k)


def _mean_over_list(recommendations: Recommendations, value_of_item: Values, k: int) -> Values:
    """Return the mean of the items' values over the first `k` of each list; NaN if it is empty."""
    items = recommendations.items[:, :k]
    filled = (items != PADDING) & (items < len(value_of_item))
    if not len(value_of_item):
        return np.full(len(items), np.nan)
    found = np.where(filled, value_of_item[np.where(filled, items, 0)], 0.0)
    count = filled.sum(axis=1)
    return np.where(count > 0, found.sum(axis=1) / np.maximum(count, 1), np.nan)


def coverage(recommendations: Recommendations, n_items: int, k: int) -> float:
    """Return the share of the catalogue that is among the first `k` of any list; NaN if empty."""
    items = recommendations.items[:, :k]
    shown = np.unique(items[(items != PADDING) & (items < n_items)])
    return len(shown) / n_items if n_items else float("nan")
