"""A shop in which nothing can be learnt but what sells: who wins there has seen the answers.

Every event keeps its moment, visitor and type, and is given the item of another one at random. The
next item is then independent of all that came before it, and no honest ranking is better than the
one by popularity. On the same shop as it was the full stack has hit rate .79 and MRR .40 at 20,
popularity .51 and .14; shuffled it has .63 and .21, popularity .64 and .20.

What would make the canary fail: anything that tells the ranker which item comes next, be it a
history that reaches one event too far, or a count, a transition or a neighbour that was taken from
events at or after the moment. The second test does the first of these on purpose.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.queries import Queries, sample_queries
from endcap.evaluation.baselines import RECENT_POPULAR
from endcap.evaluation.scoreboard import FULL_STACK, Scoreboard
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from endcap.use_cases import plan_candidates
from endcap.use_cases.read_scoreboard import read_scoreboard
from tests.use_cases.small_run import CONFIG, train_model

pytestmark = pytest.mark.slow

METRICS: Final = ("hit_rate@20", "mrr@20", "ndcg@20")
EVALUATION: Final = {"max_queries": 2000, "bootstrap_samples": 200, "baseline_trials": 1}
RANKING: Final = {**CONFIG["ranking"], "max_queries": 2000}
"""The 200 moments that a small run learns from teach it their own noise rather than what sells."""


@pytest.fixture(scope="module")
def shuffled_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny shop's raw log with the items dealt anew among the events."""
    raw = tmp_path_factory.mktemp("canary") / "raw"
    simulate(raw, scale=TINY, seed=7)
    events = raw / "events.csv"
    head, *lines = events.read_text().splitlines()
    rows = [fields for line in lines if len(fields := line.split(",")) == 5]
    column = head.split(",").index("itemid")
    items = np.random.default_rng(0).permutation([fields[column] for fields in rows])
    dealt = [[*f[:column], str(i), *f[column + 1 :]] for f, i in zip(rows, items, strict=True)]
    events.write_text("\n".join([head, *(",".join(fields) for fields in dealt)]) + "\n")
    return raw


def scores_on(raw: Path, lake: FolderLake) -> Scoreboard:
    """Return the scoreboard of a training run, every step of it the real one."""
    train_model(lake, "canary", raw, {"evaluation": EVALUATION, "ranking": RANKING})
    return read_scoreboard(lake)


def test_with_shuffled_labels_the_full_stack_falls_to_popularity(
    shuffled_shop: Path, lake: FolderLake
) -> None:
    board = scores_on(shuffled_shop, lake)

    assert board.n_queries > 250
    for metric in METRICS:
        ours, theirs = (board.estimate(name, metric).mean for name in (FULL_STACK, RECENT_POPULAR))
        assert 0.75 * theirs < ours < 1.1 * theirs
        assert board.difference(RECENT_POPULAR, metric).low <= 0


def looking_ahead(sample: Callable[..., Queries]) -> Callable[..., Queries]:
    """Return the sampling of moments with the newest event of each history being the next one."""

    def sample_and_look(*given: object, **settings: object) -> Queries:
        queries = sample(*given, **settings)
        histories, item = queries.histories, queries.histories.item.copy()
        query = np.repeat(np.arange(len(queries)), np.diff(queries.label_ptr))
        _, first = np.unique(query[queries.label_first], return_index=True)
        item[histories.ptr[1:] - 1] = queries.label_item[queries.label_first][first]
        return replace(queries, histories=replace(histories, item=item))

    return sample_and_look


def test_a_history_that_reaches_one_event_too_far_is_found_out(
    shuffled_shop: Path, lake: FolderLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_candidates, "sample_queries", looking_ahead(sample_queries))

    board = scores_on(shuffled_shop, lake)

    for metric in METRICS:
        assert board.difference(RECENT_POPULAR, metric).low > 0.2
