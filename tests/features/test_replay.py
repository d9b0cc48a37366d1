"""One definition: what serving computes at a step is what training computed for that moment."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.dataset import queries as queries_module
from endcap.dataset.queries import Queries, sample_queries
from endcap.features.matrix import feature_matrix
from endcap.ranking.table import build_table, sample_candidates
from endcap.retrieval.union import Candidates, propose_candidates
from endcap.serving.recommend import recommend
from endcap.serving.requests import GivenHistory, read_histories
from endcap.serving.slates import SlateRequest
from endcap.simulator.scales import DEMO, TINY, Scale
from tests.features.replay import CONFIG, ReplayedShop, open_replay

EVERY_CANDIDATE = SlateRequest(k=1, include_seen=True)
NEGATIVES = 5


def _every_moment(shop: ReplayedShop, patch: pytest.MonkeyPatch) -> Queries:
    """All moments of the window, as training samples them."""
    patch.setattr(queries_module, "MAX_QUERIES_PER_USER", len(shop.log))
    return sample_queries(
        shop.log,
        shop.fold,
        n_known_items=shop.model.n_items,
        max_queries=len(shop.log),
        max_history=CONFIG.retrieval.max_history,
        horizon_hours=CONFIG.ranking.label_horizon_hours,
        session_timeout_minutes=CONFIG.cleaning.session_timeout_minutes,
        event_types=shop.model.event_types,
        rng=np.random.default_rng(3),
    )


def _training_features(
    shop: ReplayedShop, queries: Queries, candidates: Candidates
) -> NDArray[np.float32]:
    return feature_matrix(
        queries.histories,
        candidates,
        shop.model.items,
        CONFIG.features,
        shop.model.event_weights,
    )


def _served(shop: ReplayedShop, queries: Queries) -> list[bytes]:
    """Replay each visitor event by event; at each moment of `queries`, ask for recommendations."""
    served = [b""] * len(queries)
    moments: dict[int, list[int]] = {}
    for q, user in enumerate(queries.user.tolist()):
        moments.setdefault(user, []).append(q)
    for user, asked in moments.items():
        given = list(shop.given(user))
        first = next(i for i, e in enumerate(given) if i and (e.time_ms or 0) >= shop.fold.cut_ms)
        in_window = [
            i for i in range(first, len(given)) if (given[i].time_ms or 0) < shop.fold.end_ms
        ]
        assert len(in_window) == len(asked)
        for step, q in zip(in_window, asked, strict=True):
            history = GivenHistory(given[:step], int(queries.histories.now_ms[q]))
            read = read_histories([history], shop.model, default_now_ms=0)
            assert not read.future[0]
            assert not read.duplicates[0]
            recommend(shop.model, read.histories, EVERY_CANDIDATE)
            served[q] = shop.recorder.seen.pop().tobytes()
    return served


def _replay(folder: Path, scale: Scale, visitors: int) -> tuple[int, int, int]:
    shop = open_replay(folder, scale=scale, visitors=visitors, cut_share=0.5)
    with pytest.MonkeyPatch.context() as patch:
        queries = _every_moment(shop, patch)
    candidates = propose_candidates(shop.model.sources, queries.histories, CONFIG.retrieval)
    features = _training_features(shop, queries, candidates)
    served = _served(shop, queries)
    for q, (low, high) in enumerate(zip(candidates.ptr[:-1], candidates.ptr[1:], strict=True)):
        assert features[low:high].tobytes() == served[q]
    _compare_table(shop, queries, candidates, served)
    return len(np.unique(queries.user)), len(queries), len(features)


def _compare_table(
    shop: ReplayedShop, queries: Queries, candidates: Candidates, served: list[bytes]
) -> None:
    """Compare the rows that the ranker would learn from with what was served."""
    kept = sample_candidates(
        queries, candidates, negatives_per_query=NEGATIVES, rng=np.random.default_rng(5)
    )
    learnt = _training_features(shop, queries, kept)
    table = build_table(
        queries, kept, learnt, negatives_per_query=NEGATIVES, rng=np.random.default_rng(5)
    )
    assert len(table) > 0
    width = learnt.shape[1]
    for q in range(len(queries)):
        rows = np.frombuffer(served[q], dtype=np.float32).reshape(-1, width)
        proposed = candidates.item[candidates.ptr[q] : candidates.ptr[q + 1]]
        chosen = np.searchsorted(proposed, kept.item[kept.ptr[q] : kept.ptr[q + 1]])
        assert rows[chosen].tobytes() == learnt[kept.ptr[q] : kept.ptr[q + 1]].tobytes()


def test_a_small_replay_gives_the_features_of_training(tmp_path: Path) -> None:
    visitors, steps, rows = _replay(tmp_path, TINY, 40)
    assert visitors == 40
    assert steps > visitors
    assert rows > steps


@pytest.mark.slow
def test_two_thousand_replayed_visitors_give_the_features_of_training(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    visitors, steps, rows = _replay(tmp_path, DEMO, 2000)
    for name, count in (("visitors", visitors), ("steps", steps), ("rows", rows)):
        record_property(name, count)
    print(f"{visitors:,} visitors, {steps:,} steps, {rows:,} rows, equal to the bit")
    assert visitors == 2000
