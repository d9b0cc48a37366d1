import json
from typing import Any

import pytest

from endcap.use_cases.record_events import SKEW_MS
from tests.api.conftest import NOW_MS, Shop


def post(shop: Shop, body: object) -> tuple[int, dict[str, Any]]:
    answer = shop.client.post("/v1/events", json=body)
    return answer.status_code, answer.json()


def recorded(shop: Shop) -> list[str]:
    return [record.fields["event_id"] for record in shop.log.streams.get("events", [])]


def test_one_event_is_accepted(shop: Shop) -> None:
    status, fields = post(shop, shop.event("e1", "a7"))
    assert (status, fields["accepted"], fields["history"]) == (200, 1, "updated")
    assert recorded(shop) == ["e1"]


def test_an_event_without_a_time_happened_now(shop: Shop) -> None:
    post(shop, shop.event("e1", "a7"))
    assert shop.history.read("ann", limit=1)[0].time_ms == NOW_MS


def test_the_same_event_again_is_in_the_history_once(shop: Shop) -> None:
    for _ in range(2):
        assert post(shop, shop.event("e1", "a7"))[0] == 200
    assert len(shop.history.read("ann", limit=9)) == 1


def test_of_many_each_is_accepted_or_refused_alone(shop: Shop) -> None:
    entries = [
        shop.event("good", "a7"),
        {"event_id": "no user"},
        shop.event("future", "a7", event_time=NOW_MS + SKEW_MS + 1),
        "nonsense",
        shop.event("type", "a7", event_type="purchse"),
        shop.event("unknown item", "a brand-new one"),
    ]
    status, fields = post(shop, {"events": entries})
    assert (status, fields["accepted"], fields["refused"]) == (200, 2, 4)
    assert [result["event_id"] for result in fields["results"]] == [
        "good",
        "no user",
        "future",
        None,
        "type",
        "unknown item",
    ]
    assert [result["status"] for result in fields["results"]] == [
        "accepted",
        "refused",
        "refused",
        "refused",
        "refused",
        "accepted",
    ]
    assert recorded(shop) == ["good", "unknown item"]


@pytest.mark.parametrize("n", [0, 501])
def test_a_batch_has_1_to_500_events(shop: Shop, n: int) -> None:
    status, _ = post(shop, {"events": [shop.event(f"e{i}", "a7") for i in range(n)]})
    assert status == 422
    assert recorded(shop) == []


def test_500_events_are_accepted(shop: Shop) -> None:
    status, fields = post(shop, {"events": [shop.event(f"e{i}", "a7") for i in range(500)]})
    assert (status, fields["accepted"]) == (200, 500)


def test_a_refused_event_alone_is_a_problem(shop: Shop) -> None:
    status, fields = post(shop, shop.event("e1", "a7", event_time=5))
    assert status == 422
    assert fields["detail"] == "event_time lies before the year 2000: is it in milliseconds?"


def test_nothing_is_acknowledged_while_the_log_is_down(shop: Shop) -> None:
    shop.log.is_down = True
    answer = shop.client.post("/v1/events", json=shop.event("e1", "a7"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert shop.history.events == {}


def test_an_event_is_accepted_while_the_history_is_down_and_repaired_later(shop: Shop) -> None:
    shop.history.is_down = True
    status, fields = post(shop, shop.event("e1", "a7"))
    assert (status, fields["history"]) == (200, "pending")
    shop.history.is_down = False
    shop.service.repair()
    assert [event.event_id for event in shop.history.read("ann", limit=9)] == ["e1"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-8", 200),
        ("application/cloudevents+json", 200),
    ],
)
def test_an_event_is_sent_as_json(shop: Shop, kind: str | None, status: int) -> None:
    body = json.dumps(shop.event("e1", "a7"))
    headers = {} if kind is None else {"Content-Type": kind}
    answer = shop.client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status


def test_an_event_that_is_json_of_another_shape_is_told_what_is_wrong(shop: Shop) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = shop.client.post("/v1/events", content=b"[]", headers=headers)
    assert answer.status_code == 422


def test_an_erased_user_is_forgotten_and_queued(shop: Shop) -> None:
    post(shop, shop.event("e1", "a7"))
    assert shop.client.delete("/v1/users/ann").status_code == 200
    assert shop.history.events == {}
    assert [record.fields for record in shop.log.streams["erasures"]] == [{"user_id": "ann"}]


def test_an_erasure_while_the_history_is_away_is_queued_and_done_by_the_next_repair(
    shop: Shop,
) -> None:
    post(shop, shop.event("e1", "a7"))
    shop.history.is_down = True
    assert shop.client.delete("/v1/users/ann").json() == {"status": "queued"}
    shop.history.is_down = False
    assert shop.history.events != {}
    shop.service.repair()
    assert shop.history.events == {}
