from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.histories import EventTypes
from endcap.dataset.log import InteractionLog, from_events
from endcap.dataset.queries import MAX_QUERIES_PER_USER, Queries, sample_queries
from endcap.dataset.splits import Fold

MINUTE = 60_000
HOUR = 60 * MINUTE

type_codes = {"view": 0, "addtocart": 1, "transaction": 2}


def log_of(*events: tuple[int, int, str, int], n_items: int = 10) -> InteractionLog:
    user, item, kind, time = zip(*events, strict=True) if events else ((), (), (), ())
    return from_events(
        np.array(user, dtype=np.int32),
        np.array(item, dtype=np.int32),
        np.array([type_codes[k] for k in kind], dtype=np.int8),
        np.array(time, dtype=np.int64),
        n_users=5,
        n_items=n_items,
    )


def queries_of(
    log: InteractionLog,
    fold: Fold,
    *,
    known: int = 10,
    limit: int = 100,
    history: int = 50,
    seed: int = 0,
) -> Queries:
    return sample_queries(
        log,
        fold,
        n_known_items=known,
        max_queries=limit,
        max_history=history,
        horizon_hours=1.0,
        session_timeout_minutes=30.0,
        event_types=EventTypes(),
        rng=np.random.default_rng(seed),
    )


def test_a_query_sees_what_came_before_and_is_asked_for_what_comes_next() -> None:
    log = log_of((0, 1, "view", 0), (0, 2, "view", 10 * MINUTE), (0, 3, "view", 20 * MINUTE))
    queries = queries_of(log, Fold("test", 15 * MINUTE, HOUR))
    assert len(queries) == 1
    assert queries.histories.item.tolist() == [1, 2]
    assert queries.label_item.tolist() == [3]
    assert queries.label_first.tolist() == [True]


def test_the_first_event_of_a_visitor_is_no_query() -> None:
    log = log_of((0, 1, "view", 10 * MINUTE), (1, 2, "view", 11 * MINUTE))
    assert len(queries_of(log, Fold("test", 0, HOUR))) == 0


def test_an_empty_log_gives_no_queries() -> None:
    assert len(queries_of(log_of(), Fold("test", 0, HOUR))) == 0


def test_within_a_session_now_is_the_last_event_and_later_the_return() -> None:
    log = log_of(
        (0, 1, "view", 0),
        (0, 2, "view", 30 * MINUTE),
        (1, 1, "view", 0),
        (1, 2, "view", 31 * MINUTE),
    )
    queries = queries_of(log, Fold("test", MINUTE, HOUR))
    assert queries.histories.now_ms.tolist() == [0, 31 * MINUTE]


def test_a_label_has_the_weight_of_its_strongest_event_and_counts_once() -> None:
    log = log_of(
        (0, 1, "view", 0),
        (0, 2, "view", MINUTE),
        (0, 2, "transaction", 2 * MINUTE),
        (0, 4, "addtocart", 3 * MINUTE),
        (0, 5, "view", MINUTE + HOUR + 1),
    )
    queries = queries_of(log, Fold("test", MINUTE, 2 * MINUTE))
    assert queries.label_item.tolist() == [2, 4]
    assert queries.label_relevance.tolist() == [3.0, 2.0]
    assert queries.label_first.tolist() == [True, False]


def test_labels_never_belong_to_the_next_visitor() -> None:
    log = log_of((0, 1, "view", 0), (0, 2, "view", MINUTE), (1, 9, "view", MINUTE))
    assert queries_of(log, Fold("test", MINUTE, HOUR)).label_item.tolist() == [2]


def test_an_item_unknown_at_the_cut_is_minus_one_in_a_history_and_kept_as_a_label() -> None:
    log = log_of((0, 1, "view", 0), (0, 7, "view", 5 * MINUTE), (0, 8, "view", 6 * MINUTE))
    queries = queries_of(log, Fold("test", 5 * MINUTE, HOUR), known=7)
    assert queries.histories.item.tolist() == [1, 1, -1]
    assert queries.label_item.tolist() == [7, 8, 8]


def test_nobody_is_asked_for_the_rest_of_an_order_and_all_its_lines_come_next() -> None:
    order = [(0, item, "transaction", 2 * MINUTE) for item in (7, 3, 7, 5)]
    log = log_of((0, 1, "view", 0), *order, (0, 9, "view", 4 * MINUTE))
    queries = queries_of(log, Fold("test", MINUTE, HOUR))
    assert queries.time_ms.tolist() == [2 * MINUTE, 4 * MINUTE]
    assert queries.histories.item.tolist() == [1, 1, 7, 3, 7, 5]
    assert queries.label_item.tolist() == [3, 5, 7, 9, 9]
    assert queries.label_first.tolist() == [True, True, True, False, True]


def test_the_newest_history_is_kept() -> None:
    log = log_of(*[(0, i, "view", i * MINUTE) for i in range(6)])
    queries = queries_of(log, Fold("test", 5 * MINUTE, HOUR), history=2)
    assert queries.histories.item.tolist() == [3, 4]


def test_a_heavy_visitor_gives_a_bounded_number_of_queries() -> None:
    log = log_of(*[(0, i % 10, "view", i * 1000) for i in range(500)])
    assert len(queries_of(log, Fold("test", 0, HOUR), limit=1000)) == MAX_QUERIES_PER_USER


def test_same_seed_same_queries_and_another_seed_others() -> None:
    log = log_of(*[(u, (u + i) % 10, "view", i * 1000) for u in range(5) for i in range(100)])
    fold = Fold("test", 0, HOUR)
    first, again, other = (queries_of(log, fold, limit=10, seed=s) for s in (1, 1, 2))
    assert first.time_ms.tolist() == again.time_ms.tolist()
    assert first.time_ms.tolist() != other.time_ms.tolist()


events = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 9),
        st.sampled_from(sorted(type_codes)),
        st.integers(0, 5 * HOUR),
    ),
    min_size=1,
    max_size=60,
)


@given(rows=events, cut=st.integers(0, 5 * HOUR))
def test_no_history_holds_anything_later_than_the_query(
    rows: list[tuple[int, int, str, int]], cut: int
) -> None:
    queries = queries_of(log_of(*rows), Fold("test", cut, 5 * HOUR + 1))
    histories = queries.histories
    row = histories.rows()
    assert np.all(histories.time_ms < queries.time_ms[row])
    assert np.all(histories.time_ms <= histories.now_ms[row])
    assert np.all(histories.now_ms <= queries.time_ms)
    assert np.all(np.diff(queries.time_ms) >= 0)
    assert np.all(np.diff(queries.label_ptr) >= 1)
    first_labels = np.add.reduceat(queries.label_first.astype(int), queries.label_ptr[:-1])
    assert np.all(first_labels >= 1) if len(queries) else True


@given(rows=events, parts=st.integers(1, 4))
def test_slices_laid_together_are_the_whole(
    rows: list[tuple[int, int, str, int]], parts: int
) -> None:
    queries = queries_of(log_of(*rows), Fold("test", 0, 5 * HOUR + 1))
    bounds = np.linspace(0, len(queries), parts + 1).astype(int)
    slices = [queries.slice(int(a), int(b)) for a, b in pairwise(bounds)]
    whole = Queries.concat(slices)
    assert whole.label_ptr.tolist() == queries.label_ptr.tolist()
    assert whole.histories.ptr.tolist() == queries.histories.ptr.tolist()
    assert whole.histories.item.tolist() == queries.histories.item.tolist()


def test_saved_queries_are_read_back_the_same(tmp_path: Path) -> None:
    log = log_of(*[(u, (u + i) % 10, "view", i * 1000) for u in range(5) for i in range(20)])
    queries = queries_of(log, Fold("test", 0, HOUR))
    queries.save(tmp_path)
    again = Queries.load(tmp_path)
    assert again.label_item.tolist() == queries.label_item.tolist()
    assert again.histories.time_ms.tolist() == queries.histories.time_ms.tolist()
