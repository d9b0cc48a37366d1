"""Scoreboards with set outcomes."""

from collections.abc import Mapping

import numpy as np

from endcap.config import EvaluationConfig
from endcap.evaluation.protocol import Evaluation, evaluate
from endcap.evaluation.recommendations import Recommendations, from_lists
from endcap.evaluation.scoreboard import Scoreboard, build_scoreboard
from tests.evaluation.slices_of_traffic import FOLD, Moment, queries_of

CONFIG = EvaluationConfig(bootstrap_samples=200)
N_ITEMS = 30


def evaluation_of(hit_share: Mapping[str, float], *, n: int = 60) -> Evaluation:
    """Return `n` queries of as many visitors, where each system hits this share of them first."""
    queries = queries_of(
        *(Moment(seen=[1] * (1 + i % 6), follows=[(5 + i % 20, 1.0)], user=i) for i in range(n))
    )
    return evaluate(
        {name: lists_that_hit(share, n=n) for name, share in hit_share.items()},
        queries,
        fold=FOLD,
        item_counts=np.arange(N_ITEMS),
        config=CONFIG,
        session_timeout_minutes=30,
    )


def lists_that_hit(share: float, *, n: int) -> Recommendations:
    """Return lists of two, of which the first `share` put the target first, the rest miss it."""
    hits = round(share * n)
    return from_lists([[5 + i % 20 if i < hits else 2, 3] for i in range(n)], width=2)


def board_of(hit_share: Mapping[str, float], *, n: int = 60, seed: int = 3) -> Scoreboard:
    """Return the scoreboard of `evaluation_of`."""
    return build_scoreboard(evaluation_of(hit_share, n=n), config=CONFIG, seed=seed)
