import numpy as np
import pyarrow.parquet as pq
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.log import InteractionLog, from_events
from endcap.use_cases.check_gate import check_gate
from endcap.use_cases.clean_log import read_log, read_user_ids
from endcap.use_cases.folds import SERVING
from endcap.use_cases.promote import promote
from endcap.use_cases.publish_recommendations import (
    SCHEMA,
    histories_of,
    newest_users,
    publish_recommendations,
)
from endcap.use_cases.recommend_user import published_users
from endcap.use_cases.runs import open_run

REQUEST = {"run_id": "first"}


def log_of(*events: tuple[int, int, int], n_users: int) -> InteractionLog:
    """Return a log of (visitor, item, time)."""
    user, item, time_ms = (np.array([event[i] for event in events]) for i in range(3))
    return from_events(
        user.astype(np.int32),
        item.astype(np.int32),
        np.arange(len(events), dtype=np.int8) % 3,
        time_ms.astype(np.int64),
        n_users=n_users,
        n_items=10,
    )


LOG = log_of((0, 5, 10), (0, 6, 40), (2, 7, 90), (3, 8, 40), (3, 9, 20), n_users=5)


@pytest.mark.parametrize(("limit", "users"), [(9, [2, 0, 3]), (2, [2, 0]), (1, [2]), (0, [])])
def test_the_newest_visitors_come_first_equals_by_code_and_silent_ones_not_at_all(
    limit: int, users: list[int]
) -> None:
    newest = newest_users(LOG, limit)

    assert newest.tolist() == users
    assert newest.dtype == np.int64


def test_histories_are_in_the_order_that_was_asked_for_oldest_event_first() -> None:
    histories = histories_of(LOG, np.array([3, 0, 2]), now_ms=99)

    assert histories.ptr.tolist() == [0, 2, 4, 5]
    assert histories.item.tolist() == [9, 8, 5, 6, 7]
    assert histories.time_ms.tolist() == [20, 40, 10, 40, 90]
    assert histories.event_type.tolist() == [1, 0, 0, 1, 2]
    assert histories.now_ms.tolist() == [99, 99, 99]


@pytest.mark.parametrize(("users", "lengths"), [([], []), ([1], [0]), ([4, 0, 1], [0, 2, 0])])
def test_visitors_without_events_have_empty_histories(users: list[int], lengths: list[int]) -> None:
    histories = histories_of(LOG, np.array(users, dtype=np.int64), now_ms=1)

    assert histories.lengths().tolist() == lengths
    assert len(histories.item) == sum(lengths)


def test_without_a_champion_nothing_is_published_and_nothing_fails(trained: FolderLake) -> None:
    answer = publish_recommendations(REQUEST, trained)

    assert answer == {"rows": 0, "version": None, "reused": False}
    assert trained.list_folders("steps/recommendations") == []


def test_the_champion_recommends_to_the_newest_visitors_what_they_have_not_seen(
    trained: FolderLake,
) -> None:
    check_gate(REQUEST, trained)
    version = promote(REQUEST, trained, now_ms=1)["version"]

    answer = publish_recommendations(REQUEST, trained)

    run = open_run("first", trained)
    log = read_log(run, before_ms=run.fold(SERVING).cut_ms)
    users = newest_users(log, run.config.publish.max_users)
    ids = read_user_ids(run, before_ms=run.fold(SERVING).cut_ms)
    assert answer == {"rows": 10 * 4, "version": version, "reused": False}
    with trained.open(run.ref("recommendations").path) as folder:
        table = pq.read_table(folder / "recommendations" / "part-0.parquet")
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    assert [row["user_id"] for row in rows[::4]] == [ids[user] for user in users]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4] * 10
    assert {row["model_version"] for row in rows} == {version}
    assert all(row["lower"] <= row["upper"] for row in rows)
    # The log's ids are its items' codes in another order; seen items are told apart by id.
    with trained.open(run.ref("clean").path) as folder:
        item_ids = pq.read_table(folder / "items.parquet")["item_id"].to_pylist()
    seen = {
        (ids[user], item_ids[item])
        for user in users
        for item in log.item[log.ptr[user] : log.ptr[user + 1]]
    }
    assert not seen & {(row["user_id"], row["item_id"]) for row in rows}
    assert published_users(trained, limit=3) == [ids[user] for user in users[:3]]
    assert publish_recommendations(REQUEST, trained)["reused"]
