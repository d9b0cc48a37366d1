import json

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import NotFoundError
from endcap.serving.requests import GivenEvent
from endcap.use_cases.check_gate import check_gate
from endcap.use_cases.promote import promote
from endcap.use_cases.recommend_user import (
    UserAnswer,
    describe_answer,
    published_users,
    recommend_user,
)
from tests.use_cases.small_run import N_ITEMS, log_rows


@pytest.fixture
def served(trained: FolderLake) -> FolderLake:
    check_gate({"run_id": "first"}, trained)
    promote({"run_id": "first"}, trained, now_ms=1)
    return trained


def rows_of(user_id: str) -> list[list[str]]:
    return [row.split(",") for row in log_rows() if row.split(",")[1] == user_id]


def test_a_visitor_is_recommended_what_follows_from_the_log(served: FolderLake) -> None:
    answer = recommend_user(served, "1003", k=5, include_seen=False)

    rows = rows_of("1003")
    assert [(e.item_id, e.event_type, e.time_ms) for e in answer.events] == [
        (row[3], row[2], int(row[0])) for row in rows
    ]
    assert not {row[3] for row in rows} & {item["item_id"] for item in answer.items}
    assert answer.to_json()["known_events"] == len(rows)
    assert [item["rank"] for item in json.loads(json.dumps(answer.to_json()))["items"]] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_seen_items_come_back_if_asked_for(served: FolderLake) -> None:
    answer = recommend_user(served, "1003", k=N_ITEMS, include_seen=True)

    assert {row[3] for row in rows_of("1003")} <= {item["item_id"] for item in answer.items}


@pytest.mark.parametrize("user_id", ["nobody", "", "' OR 1=1"])
def test_a_visitor_that_the_log_does_not_know_is_served(served: FolderLake, user_id: str) -> None:
    answer = recommend_user(served, user_id, k=3, include_seen=False)

    assert answer.events == ()
    assert len(answer.items) == 3


def test_without_a_champion_nobody_is_served(trained: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no champion"):
        recommend_user(trained, "1003", k=3, include_seen=False)
    with pytest.raises(NotFoundError, match="no champion"):
        published_users(trained, limit=3)


def test_a_champion_that_has_published_nothing_yet_is_named(served: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no finished step 'recommendations'"):
        published_users(served, limit=3)


def test_an_answer_is_shown_with_its_last_events_in_aligned_columns() -> None:
    events = tuple(GivenEvent(f"i{n}", "view", n) for n in range(4))
    item = {
        "item_id": "a-very-long-item-id",
        "rank": 1,
        "probability": 0.125,
        "interval": [0.0, 1 / 3],
        "source": "als",
    }

    assert describe_answer(UserAnswer("v", "m1", events, (item,))).splitlines() == [
        "visitor v (4 events, last: view i1, view i2, view i3)",
        "model m1",
        "",
        "rank  item                 probability  interval      source",
        "   1  a-very-long-item-id       0.1250  [0.00, 0.33]  als",
    ]
    assert describe_answer(UserAnswer("v", "m1", (), ())).startswith("visitor v (no events)\n")
