"""User features of the full log as of a cut are those of the log truncated at it, to the bit."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from endcap.config import CleaningConfig, RunConfig
from endcap.dataset import queries as queries_module
from endcap.dataset.cleaning import clean
from endcap.dataset.histories import EventTypes, Histories
from endcap.dataset.log import InteractionLog, count_known, from_events, load_log
from endcap.dataset.queries import Queries, sample_queries
from endcap.dataset.splits import Fold
from endcap.features.context import context_features
from endcap.features.item_table import ItemTable
from endcap.serving.model import ServingModel
from endcap.serving.requests import GivenEvent, GivenHistory, read_histories
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from endcap.use_cases.publish_recommendations import histories_of
from tests.features.canonical_shop import DAY, build_all
from tests.features.replay import LATEST_MS
from tests.features.small_items import item_table

CONFIG = RunConfig()
ITEMS = item_table(
    price=[1.1, 2.7, 31.4, float("nan"), 0.07],
    category=[1, 2, 2, -1, 0],
    parent=[-1, 0, 0],
    transitions={(a, b): (1 / (3 + a + b), a + b) for a in range(5) for b in range(5) if a != b},
    pair_transitions={(0, 1, 2): (0.5, 3), (1, 2, 0): (0.3, 2)},
    category_transitions={(1, 2): (0.4, 9), (2, 2): (0.3, 7)},
)
USERS = 3
KNOWN = 5


def _model(items: ItemTable, item_ids: list[str], types: EventTypes) -> ServingModel:
    nothing = cast("Any", None)
    known = tuple(item_ids[: items.n_items])
    return ServingModel({}, items, nothing, nothing, known, types, CONFIG)


def _features(histories: Histories, model: ServingModel) -> NDArray[np.float32]:
    """Features of the newest events with some fixed candidates for everyone."""
    candidates = np.unique(np.linspace(0, model.n_items - 1, 40).astype(np.int32))
    n = len(histories)
    return context_features(
        histories.newest(CONFIG.retrieval.max_history),
        np.arange(n + 1) * len(candidates),
        np.tile(candidates, n),
        model.items,
        CONFIG.features,
        model.event_weights,
    )


def _given(log: InteractionLog, user: int, model: ServingModel, ids: list[str]) -> list[GivenEvent]:
    own = slice(int(log.ptr[user]), int(log.ptr[user + 1]))
    names = [model.event_types.names[kind] for kind in log.event_type[own].tolist()]
    return [
        GivenEvent(ids[item], name, at)
        for item, name, at in zip(
            log.item[own].tolist(), names, log.time_ms[own].tolist(), strict=True
        )
    ]


def _compare(log: InteractionLog, cut_ms: int, model: ServingModel, ids: list[str]) -> int:
    """Compare all visitors' features as of a cut at which no event happened; return the rows."""
    users = np.arange(log.n_users)
    early = log.before(cut_ms, n_users=log.n_users, n_items=log.n_items)
    truncated = histories_of(early, users, now_ms=cut_ms)
    given = [GivenHistory(_given(log, user, model, ids), cut_ms) for user in users.tolist()]
    read = read_histories(given, model, default_now_ms=0)
    assert read.future.sum() == np.sum(log.time_ms > cut_ms)
    features = _features(truncated, model)
    assert features.tobytes() == _features(read.histories, model).tobytes()
    return len(features)


# Events lie on even milliseconds, cuts on odd ones; an event's place tells repeated ones apart.
_event = st.tuples(
    st.integers(0, USERS - 1),
    st.integers(0, KNOWN + 1),
    st.integers(0, 2),
    st.integers(0, 20 * 24 * 4).map(lambda quarter: quarter * DAY // 96),
)
_logs = st.lists(_event, max_size=60, unique=True).map(
    lambda events: from_events(
        *np.array(events, dtype=np.int64).reshape(-1, 4).T,
        n_users=USERS,
        n_items=KNOWN + 2,
    )
)
_cuts = st.integers(0, 20 * 24 * 60).map(lambda minute: minute * 60_000 + 1)


@settings(max_examples=150, deadline=None)
@given(_logs, _cuts)
def test_the_future_of_a_cut_changes_no_bit(log: InteractionLog, cut_ms: int) -> None:
    ids = [f"sku-{code}" for code in range(log.n_items)]
    _compare(log, cut_ms, _model(ITEMS, ids, EventTypes()), ids)


def _all_moments(log: InteractionLog, cut_ms: int) -> Queries:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries_module, "MAX_QUERIES_PER_USER", 1000)
        return sample_queries(
            log,
            Fold("ranking", cut_ms, 30 * DAY),
            n_known_items=KNOWN,
            max_queries=1000,
            max_history=10,
            horizon_hours=24.0,
            session_timeout_minutes=30.0,
            event_types=EventTypes(),
            rng=np.random.default_rng(0),
        )


@settings(max_examples=100, deadline=None)
@given(_logs, _cuts, _cuts)
def test_what_comes_after_a_training_moment_changes_no_bit_of_it(
    log: InteractionLog, cut_ms: int, end_ms: int
) -> None:
    model = _model(ITEMS, [str(code) for code in range(KNOWN)], EventTypes())
    of_full = _all_moments(log, cut_ms)
    early = log.before(end_ms, n_users=log.n_users, n_items=log.n_items)
    of_early = _all_moments(early, cut_ms)
    n = int(np.count_nonzero(of_full.time_ms < end_ms))
    assert len(of_early) == n
    rows = _features(of_full.histories, model)[: n * KNOWN]
    assert rows.tobytes() == _features(of_early.histories, model).tobytes()


def _compare_at_random_cuts(raw: Path, folder: Path, cuts: int) -> None:
    clean(
        raw,
        folder / "clean",
        mapping=None,
        cleaning=CleaningConfig(max_quarantine_share=1.0),
        as_of_ms=None,
    )
    log = load_log(folder / "clean", before_ms=LATEST_MS)
    types = EventTypes.load(folder / "clean" / "event_types.json")
    items_file = folder / "clean" / "items.parquet"
    ids = pq.read_table(items_file, columns=["item_id"])["item_id"].to_pylist()
    shares = np.random.default_rng(4).uniform(0.2, 0.95, cuts)
    for cut_ms in np.quantile(log.time_ms, shares).astype(np.int64).tolist():
        moment = cut_ms
        while moment in log.time_ms:
            moment += 1
        out = folder / f"families-{moment}"
        table = ItemTable.assemble(build_all(folder / "clean", out, moment, CONFIG.features))
        assert table.n_items == count_known(items_file, before_ms=moment)
        assert _compare(log, moment, _model(table, ids, types), ids) > 1000


def test_the_future_changes_no_bit_in_a_simulated_shop(tmp_path: Path) -> None:
    simulate(tmp_path / "raw", scale=TINY, seed=3)
    _compare_at_random_cuts(tmp_path / "raw", tmp_path, 2)


@pytest.mark.slow
def test_the_future_changes_no_bit_on_real_events(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for name in ("events.csv", "category_tree.csv"):
        (tmp_path / "raw" / name).symlink_to((real_data / name).resolve())
    _compare_at_random_cuts(tmp_path / "raw", tmp_path, 2)
