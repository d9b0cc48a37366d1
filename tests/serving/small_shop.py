"""A small shop with a real model: real sources, real features, a ranker and a calibration."""

from functools import cache

import numpy as np

from endcap.config import RunConfig
from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.histories import EventTypes, Histories
from endcap.dataset.log import InteractionLog, from_events
from endcap.dataset.queries import sample_queries
from endcap.dataset.splits import Fold
from endcap.features.item_table import ItemTable
from endcap.features.matrix import feature_matrix
from endcap.features.registry import names
from endcap.ranking.ranker import RankerParams, fit_ranker
from endcap.ranking.scoring import score_candidates
from endcap.ranking.table import build_table, label_candidates
from endcap.retrieval.union import fit_sources, propose_candidates
from endcap.serving.model import ServingModel
from endcap.uncertainty.conformal import calibrate

N_ITEMS = 60
N_USERS = 150
HOUR_MS = 3_600_000
CUT_MS = 600 * HOUR_MS
CONFIG = RunConfig(
    retrieval=RetrievalConfig(
        als=AlsConfig(factors=8, iterations=3),
        candidates_per_source=12,
        popular_candidates=10,
        max_history=20,
    )
)


@cache
def small_log() -> InteractionLog:
    """Return visitors who walk to neighbouring items; the last fifth of the time is labels."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(2, 25, N_USERS)
    user = np.repeat(np.arange(N_USERS, dtype=np.int32), lengths)
    home = rng.integers(0, N_ITEMS, N_USERS)[user]
    item = ((home + rng.integers(-3, 4, len(user))) % N_ITEMS).astype(np.int32)
    return from_events(
        user,
        item,
        rng.choice(3, size=len(user), p=[0.8, 0.15, 0.05]).astype(np.int8),
        np.sort(rng.integers(0, 750, len(user))[np.argsort(rng.random(len(user)))]) * HOUR_MS
        + rng.permutation(len(user)),
        n_users=N_USERS,
        n_items=N_ITEMS,
    )


def item_table(n: int = N_ITEMS) -> ItemTable:
    """Return items with random features, prices and six categories, without transitions."""
    rng = np.random.default_rng(1)
    price = rng.uniform(1, 99, n).astype(np.float32)
    price[::7] = np.nan
    return ItemTable(
        features=rng.normal(size=(n, len(names("item")))).astype(np.float32),
        price=price,
        log_price=np.log(price),
        available=np.ones(n, dtype=np.float32),
        category=(np.arange(n) % 6).astype(np.int32),
        root=(np.arange(n) % 2).astype(np.int32),
        category_ids=tuple("abcdef"),
        category_parent=np.array([-1, -1, 0, 1, 0, 1], dtype=np.int32),
        category_depth=np.array([0, 0, 1, 1, 1, 1], dtype=np.int32),
        transition_ptr=np.zeros(n + 1, dtype=np.int64),
        transition_key=np.zeros(0, dtype=np.int64),
        transition_probability=np.zeros(0, dtype=np.float32),
        transition_support=np.zeros(0, dtype=np.float32),
        pair_key=np.zeros(0, dtype=np.int64),
        pair_transition_ptr=np.zeros(1, dtype=np.int64),
        pair_transition_key=np.zeros(0, dtype=np.int64),
        pair_transition_probability=np.zeros(0, dtype=np.float32),
        pair_transition_support=np.zeros(0, dtype=np.float32),
        category_transition_ptr=np.zeros(7, dtype=np.int64),
        category_transition_key=np.zeros(0, dtype=np.int64),
        category_transition_probability=np.zeros(0, dtype=np.float32),
        category_transition_support=np.zeros(0, dtype=np.float32),
        session_timeout_ms=np.array([30 * 60_000], dtype=np.int64),
    )


@cache
def fitted_model() -> ServingModel:
    """Return the shop's model. Ranker and calibration share their moments: it is a test."""
    log, types, items = small_log(), EventTypes(), item_table()
    weights = types.weight_array()
    known = log.before(CUT_MS, n_users=N_USERS, n_items=N_ITEMS)
    sources = fit_sources(
        known,
        cut_ms=CUT_MS,
        event_weights=weights,
        config=CONFIG.retrieval,
        seed=1,
        threads=1,
    )
    queries = sample_queries(
        log,
        Fold("ranking", CUT_MS, 800 * HOUR_MS),
        n_known_items=N_ITEMS,
        max_queries=300,
        max_history=CONFIG.retrieval.max_history,
        horizon_hours=24.0,
        session_timeout_minutes=30.0,
        event_types=types,
        rng=np.random.default_rng(2),
    )
    candidates = propose_candidates(sources, queries.histories, CONFIG.retrieval)
    features = feature_matrix(
        queries.histories,
        candidates,
        items,
        CONFIG.features,
        weights,
    )
    table = build_table(
        queries, candidates, features, negatives_per_query=20, rng=np.random.default_rng(3)
    )
    ranker = fit_ranker(table, RankerParams(iterations=30, depth=4), seed=1, threads=1)
    return ServingModel(
        sources=sources,
        items=items,
        scorer=ranker.scorer,
        calibration=calibrate(
            score_candidates(
                ranker.scorer, queries.histories, candidates, items, CONFIG.features, weights
            ),
            label_candidates(queries, candidates).relevance,
            candidates.rows(),
            relevance_scale=3.0,
        ),
        item_ids=tuple(f"sku-{code}" for code in range(N_ITEMS)),
        event_types=types,
        config=CONFIG,
    )


def all_histories() -> Histories:
    """Return what every visitor did, as of the end of the log."""
    log = small_log()
    return Histories(
        ptr=log.ptr,
        item=log.item,
        event_type=log.event_type,
        time_ms=log.time_ms,
        now_ms=np.full(N_USERS, 800 * HOUR_MS, dtype=np.int64),
    )


def histories_of(visits: list[list[int]], *, now_hours: int = 800) -> Histories:
    """Return visitors who viewed these items, one an hour, up to now."""
    items = [item for visit in visits for item in visit]
    hours = [now_hours - len(visit) + step for visit in visits for step in range(len(visit))]
    return Histories(
        ptr=np.cumsum([0, *map(len, visits)]),
        item=np.array(items, dtype=np.int32),
        event_type=np.zeros(len(items), dtype=np.int8),
        time_ms=np.array(hours, dtype=np.int64) * HOUR_MS,
        now_ms=np.full(len(visits), now_hours * HOUR_MS, dtype=np.int64),
    )
