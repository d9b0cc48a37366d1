"""Our metrics against those of ranx, on random lists of several hundred queries.

ranx compiles each metric when it is first called, which takes half a minute; told not to, it is
plain Python. It has no coverage and no novelty: pandas counts these.
"""

from collections.abc import Mapping

import numba
import numpy as np
import pandas as pd
import pytest

from endcap.evaluation.metrics import ACCURACY, coverage, novelty, rank_gains, self_information
from endcap.evaluation.recommendations import PADDING, Recommendations
from endcap.evaluation.tasks import TASKS, RelevantItems, Task, relevant_items
from tests.evaluation.slices_of_traffic import random_lists, random_queries

vars(numba.config)["DISABLE_JIT"] = True
import ranx  # type: ignore[import-untyped]  # noqa: E402

N_QUERIES, N_ITEMS, WIDTH = 300, 60, 40
CUTOFFS = (10, 20)
MISS = "an item that nobody wants"
"""Ends every list, since ranx refuses an empty one."""


def judged_by_ranx(
    lists: Recommendations, relevant: RelevantItems, asked: list[int]
) -> Mapping[str, np.ndarray]:
    """Return ranx's value of every metric for each of the queries `asked`.

    ranx sorts queries by their names as text.
    """
    wanted, shown = {}, {}
    for query in asked:
        place = slice(int(relevant.ptr[query]), int(relevant.ptr[query + 1]))
        gains = zip(relevant.item[place], relevant.gain[place], strict=True)
        wanted[f"{query:06}"] = {str(item): int(gain) for item, gain in gains}
        ranked = [str(item) for item in lists.items[query] if item != PADDING] + [MISS]
        shown[f"{query:06}"] = {item: -float(rank) for rank, item in enumerate(ranked)}
    metrics = [f"{metric}@{k}" for metric in ACCURACY for k in CUTOFFS]
    values: Mapping[str, np.ndarray] = ranx.evaluate(
        ranx.Qrels(wanted), ranx.Run(shown), metrics, return_mean=False
    )
    return values


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_hit_rate_recall_mrr_ndcg_and_map_are_those_of_ranx(task: Task) -> None:
    rng = np.random.default_rng(5)
    queries = random_queries(rng, n=N_QUERIES, n_items=N_ITEMS)
    lists = random_lists(rng, n=N_QUERIES, n_items=N_ITEMS, width=WIDTH)
    lists = lists.without_seen(queries.histories) if task.new_only else lists
    relevant = relevant_items(queries, task, purchase_weight=3)
    asked = np.flatnonzero(relevant.counts() > 0).tolist()

    found = rank_gains(lists, relevant, n_items=N_ITEMS, width=max(CUTOFFS))

    theirs = judged_by_ranx(lists, relevant, asked)
    assert len(theirs) == len(ACCURACY) * len(CUTOFFS)
    for name, metric in ACCURACY.items():
        for k in CUTOFFS:
            ours = metric(found, k)[asked]
            assert 0 < ours.mean() < 1
            np.testing.assert_allclose(ours, theirs[f"{name}@{k}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", CUTOFFS)
def test_coverage_and_novelty_are_what_pandas_counts(k: int) -> None:
    rng = np.random.default_rng(6)
    lists = random_lists(rng, n=15, n_items=N_ITEMS * 10, width=WIDTH)
    events = rng.integers(0, 50, size=N_ITEMS * 10)
    row, column = np.nonzero(lists.items[:, :k] != PADDING)
    shown = pd.Series(lists.items[row, column], index=row)
    share = (pd.Series(events) + 1) / (events + 1).sum()

    expected = shown.map(-np.log2(share)).groupby(level=0).mean().reindex(range(len(lists)))

    assert coverage(lists, N_ITEMS * 10, k) == shown.nunique() / (N_ITEMS * 10)
    np.testing.assert_allclose(novelty(lists, self_information(events), k), expected)
