"""All systems on one test slice: every task, metric and cut-off, query by query.

The slice is temporal and shared by all systems; every system was fitted on what lies before its
start. The whole catalogue known at the cut is ranked: there are no sampled negatives (Krichene and
Rendle 2020). Targets that were unknown at the cut stay in and count as misses for everybody.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.config import EvaluationConfig
from endcap.dataset.queries import Queries
from endcap.dataset.splits import Fold
from endcap.evaluation.metrics import (
    ACCURACY,
    cold_share,
    coverage,
    novelty,
    rank_gains,
    self_information,
)
from endcap.evaluation.recommendations import Recommendations
from endcap.evaluation.slices import slice_masks
from endcap.evaluation.tasks import NEXT_INTERACTION, TASKS, relevant_items

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Every measured number of a test slice, before anything is averaged.

    `values`: task -> system -> metric ("ndcg@20") -> float64 (n,), NaN where the query is not part
    of the task. `coverage`: task -> system -> slice -> metric ("coverage@20") -> share of the
    catalogue; it belongs to a whole set of lists and has no value a query. `members`: task ->
    bool (n,), the queries with anything relevant. `masks`: slice -> bool (n,).
    """

    fold: Fold
    user: NDArray[np.int32]
    n_items: int
    unknown_target_share: float
    query_fingerprint: str
    values: Mapping[str, Mapping[str, Mapping[str, Values]]]
    coverage: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
    members: Mapping[str, NDArray[np.bool_]]
    masks: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.user)

    @property
    def systems(self) -> tuple[str, ...]:
        """The names of the systems, in the order in which they were given."""
        return tuple(next(iter(self.values.values()), {}))


def evaluate(
    systems: Mapping[str, Recommendations],
    queries: Queries,
    *,
    fold: Fold,
    item_counts: NDArray[np.int64],
    config: EvaluationConfig,
    session_timeout_minutes: float,
    purchase_weight: float = math.inf,
    cold_max_events: int = 5,
) -> Evaluation:
    """Measure every system on every task.

    Parameters
    ----------
    systems
        One list a query from each system, seen items included, `list_length(queries.histories,
        config.cutoffs)` long if the system has that many. A shorter list is measured as it is:
        what it lacks are misses.
    item_counts
        Events of each item before the cut, int64 (items known at the cut,): what novelty is
        measured by. Its length is the catalogue.
    purchase_weight
        The weight of a purchase: an item with a label of it was bought.
    cold_max_events
        An item with more events before the cut is not cold.

    Raises
    ------
    ValueError
        If a system has not one list a query, or recommends an item unknown at the cut.
    """
    n_items = len(item_counts)
    for name, lists in systems.items():
        _check(name, lists, n_queries=len(queries), n_items=n_items)
    masks = slice_masks(queries.histories, session_timeout_minutes=session_timeout_minutes)
    unseen = {name: lists.without_seen(queries.histories) for name, lists in systems.items()}
    information = self_information(item_counts)
    values: dict[str, dict[str, dict[str, Values]]] = {}
    covered: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    members: dict[str, NDArray[np.bool_]] = {}
    for task in TASKS:
        relevant = relevant_items(queries, task, purchase_weight=purchase_weight)
        member = members[task.name] = relevant.counts() > 0
        values[task.name], covered[task.name] = {}, {}
        for name, lists in (unseen if task.new_only else systems).items():
            gains = rank_gains(lists, relevant, n_items=n_items, width=max(config.cutoffs))
            by_metric = {
                f"{metric}@{k}": function(gains, k)
                for metric, function in ACCURACY.items()
                for k in config.cutoffs
            }
            for k in config.cutoffs:
                bits = novelty(lists, information, k)
                by_metric[f"novelty@{k}"] = np.where(member, bits, np.nan)
                cold = cold_share(lists, item_counts, k, max_events=cold_max_events)
                by_metric[f"cold@{k}"] = np.where(member, cold, np.nan)
            values[task.name][name] = by_metric
            covered[task.name][name] = {
                label: {
                    f"coverage@{k}": coverage(_taken(lists, mask & member), n_items, k)
                    for k in config.cutoffs
                }
                for label, mask in masks.items()
            }
    return Evaluation(
        fold=fold,
        user=queries.user,
        n_items=n_items,
        unknown_target_share=_unknown_share(queries, n_items),
        query_fingerprint=fingerprint(queries),
        values=values,
        coverage=covered,
        members=members,
        masks=masks,
    )


def fingerprint(queries: Queries) -> str:
    """Return a hash of who is asked about when, and of what was right: equal for equal slices."""
    digest = hashlib.sha256()
    for array in (
        queries.user,
        queries.time_ms,
        queries.histories.ptr,
        queries.histories.item,
        queries.histories.now_ms,
        queries.label_ptr,
        queries.label_item,
        queries.label_relevance,
        queries.label_first,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _check(name: str, lists: Recommendations, *, n_queries: int, n_items: int) -> None:
    """Raise `ValueError` where a system's lists do not belong to this slice."""
    if len(lists) != n_queries:
        raise ValueError(f"{name}: {len(lists)} lists for {n_queries} queries")
    if lists.items.max(initial=-1) >= n_items:
        raise ValueError(f"{name}: recommends an item that is unknown at the cut")


def _taken(lists: Recommendations, mask: NDArray[np.bool_]) -> Recommendations:
    """Return the lists of the masked queries."""
    return lists.take(np.flatnonzero(mask).astype(np.int64))


def _unknown_share(queries: Queries, n_items: int) -> float:
    """Return the share of next items that no system could know at the cut; NaN without queries."""
    relevant = relevant_items(queries, NEXT_INTERACTION)
    return float((relevant.item >= n_items).mean()) if len(relevant.item) else float("nan")
