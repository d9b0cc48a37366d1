from typing import Any

import pytest

from tests.api.conftest import NOW_MS, Shop

RECOMMENDATIONS = "/v1/users/ann/recommendations"


def ids(fields: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in fields["items"]]


def test_an_answer_says_what_made_it_and_when(shop: Shop, versions: list[str]) -> None:
    fields = shop.client.get(RECOMMENDATIONS, params={"k": 2}).json()
    assert fields["model_version"] == versions[0]
    assert fields["generated_at"] == "2001-09-09T01:46:40.000Z"
    assert fields["recommendation_id"]
    assert fields["degraded"] == []
    first, second = fields["items"]
    assert set(first) == {"item_id", "rank", "score", "probability", "interval", "source"}
    assert (first["rank"], second["rank"]) == (1, 2)


def test_an_event_is_known_to_the_next_request(shop: Shop) -> None:
    before = ids(shop.client.get(RECOMMENDATIONS).json())
    assert shop.client.post("/v1/events", json=shop.event("e1", before[0])).status_code == 200
    after = ids(shop.client.get(RECOMMENDATIONS).json())
    assert before[0] not in after
    assert after != before


def test_a_guests_events_are_merged_with_the_users(shop: Shop) -> None:
    shop.client.post("/v1/events", json=shop.event("e1", "a7"))
    body = {"user_id": "ann", "events": [{"item_id": "a30"}], "k": 58}
    shown = ids(shop.client.post("/v1/recommendations", json=body).json())
    assert len(shown) == 58
    assert {"a7", "a30"}.isdisjoint(shown)


def test_filters_come_as_query_parameters(shop: Shop) -> None:
    query = "k=5&exclude=a1&exclude=a2&max_per_category=1&max_price=50"
    shown = shop.client.get(f"{RECOMMENDATIONS}?{query}").json()
    assert len(shown["items"]) == 5
    assert {"a1", "a2"}.isdisjoint(ids(shown))


def test_boosts_move_items(shop: Shop) -> None:
    body = {"events": [{"item_id": "a7"}], "k": 10}
    last = ids(shop.client.post("/v1/recommendations", json=body).json())[-1]
    shown = shop.client.post("/v1/recommendations", json={**body, "boosts": {last: 10}}).json()
    assert ids(shown)[0] == last


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"k": 0}, "query/k"),
        ({"k": 201}, "query/k"),
        ({"confidence": 1}, "query/confidence"),
        ({"min_price": -1}, "query/min_price"),
        ({"kk": 3}, "query/kk"),
    ],
)
def test_what_is_out_of_range_is_named(shop: Shop, params: dict[str, Any], complaint: str) -> None:
    answer = shop.client.get(RECOMMENDATIONS, params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(complaint)


def test_an_unknown_category_is_not_found(shop: Shop) -> None:
    answer = shop.client.get(RECOMMENDATIONS, params={"category": "nope"})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "the model knows no category 'nope'",
    )


def test_one_bad_entry_of_a_batch_fails_alone(shop: Shop) -> None:
    entries = [{"k": 1}, {"k": "1"}, {"category": ["nope"]}, 5, {"user_id": "ann", "k": 2}]
    answer = shop.client.post("/v1/recommendations/batch", json={"requests": entries})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 422, 404, 422, 200]
    assert len(results[4]["recommendations"]["items"]) == 2
    assert results[1]["problem"]["detail"].startswith("k:")


def test_a_batch_has_at_most_a_hundred_entries(shop: Shop) -> None:
    body = {"requests": [{"k": 1}] * 101}
    assert shop.client.post("/v1/recommendations/batch", json=body).status_code == 422


def test_a_batch_explains_200_items_in_all(shop: Shop) -> None:
    entries = [
        {"k": 150, "explain": True},
        {"k": 51, "explain": True},
        {"k": 200},
    ]
    answer = shop.client.post("/v1/recommendations/batch", json={"requests": entries})
    explained, too_many, plain = answer.json()["results"]
    assert (explained["status"], too_many["status"], plain["status"]) == (200, 422, 200)
    assert too_many["problem"]["detail"] == "explain: A batch explains at most 200 items in all"
    assert "explanation" in explained["recommendations"]["items"][0]


def test_what_is_wrong_in_ten_thousand_places_is_told_in_few(shop: Shop) -> None:
    body = {f"unknown {place}": 1 for place in range(10_000)}
    answer = shop.client.post("/v1/recommendations", json=body)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)
    batch = shop.client.post("/v1/recommendations/batch", json={"requests": [body]})
    assert len(batch.json()["results"][0]["problem"]["errors"]) == 20


def test_a_version_can_be_named(shop: Shop, versions: list[str]) -> None:
    headers = {"X-Model-Version": versions[1]}
    assert shop.client.get(RECOMMENDATIONS, headers=headers).json()["model_version"] == versions[1]
    unknown = shop.client.get(RECOMMENDATIONS, headers={"X-Model-Version": "nope"})
    assert unknown.status_code == 404


def test_what_was_shown_is_kept_under_the_answers_id(shop: Shop) -> None:
    fields = shop.client.get(RECOMMENDATIONS, params={"k": 2}).json()
    shop.service.exposures.flush()
    (record,) = shop.log.streams["exposures"]
    assert record.received_ms == NOW_MS
    assert record.fields["recommendation_id"] == fields["recommendation_id"]
    assert record.fields["items"] == ids(fields)


def test_exposures_wait_while_the_log_is_down(shop: Shop) -> None:
    shop.log.is_down = True
    for _ in range(3):
        assert shop.client.get(RECOMMENDATIONS).status_code == 200
    shop.service.exposures.flush()
    shop.log.is_down = False
    shop.service.exposures.flush()
    assert len(shop.log.streams["exposures"]) == 3


def test_reads_degrade_and_say_so_while_histories_are_away(shop: Shop) -> None:
    shop.history.is_down = True
    answer = shop.client.get(RECOMMENDATIONS, params={"k": 7})
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["history_unavailable"]
    assert len(answer.json()["items"]) == 7


def test_a_body_that_is_not_json_is_refused(shop: Shop) -> None:
    answer = shop.client.post("/v1/recommendations", content=b'{"k": 2}')
    assert answer.status_code == 415
    headers = {"content-type": "application/json"}
    broken = shop.client.post("/v1/recommendations", content=b"{", headers=headers)
    assert broken.status_code == 422


def test_a_body_that_is_too_large_is_refused_however_it_comes(shop: Shop) -> None:
    headers = {"content-type": "application/json"}
    whole = shop.client.post("/v1/recommendations", content=b" " * 1_100_000, headers=headers)
    pieces = (b" " * 100_000 for _ in range(11))
    streamed = shop.client.post("/v1/recommendations", content=pieces, headers=headers)
    assert (whole.status_code, streamed.status_code) == (413, 413)


def test_the_document_describes_every_route(shop: Shop) -> None:
    document = shop.client.get("/v1/openapi.json").json()
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["description"]
            assert "200" in operation["responses"]
            problems = [
                response["content"]
                for status, response in operation["responses"].items()
                if status != "200" and "content" in response
            ]
            assert all("application/problem+json" in content for content in problems)


def test_an_explanation_comes_where_asked_for(shop: Shop) -> None:
    body = {"events": [{"item_id": "a7"}], "k": 3}
    plain = shop.client.post("/v1/recommendations", json=body).json()["items"]
    told = shop.client.post("/v1/recommendations", json={**body, "explain": True}).json()["items"]
    explained = [item.pop("explanation") for item in told]
    assert told == plain
    assert all(set(one) == {"features", "contributions"} for one in explained)
    assert all(one["contributions"] for one in explained)
    assert shop.client.get(f"{RECOMMENDATIONS}?explain=true&k=1").json()["items"][0]["explanation"]


def test_an_outcome_makes_probabilities_of_it(shop: Shop) -> None:
    def probabilities(outcome: str | None = None) -> list[float]:
        body = {"events": [{"item_id": "a7"}], "k": 20, "outcome": outcome}
        items = shop.client.post("/v1/recommendations", json=body).json()["items"]
        return [item["probability"] for item in items]

    anything, bought = probabilities(), probabilities("transaction")
    assert probabilities("view") == anything
    assert all(rarer <= more for rarer, more in zip(bought, anything, strict=True))
    assert sum(bought) < sum(anything)
    unknown = shop.client.get(RECOMMENDATIONS, params={"outcome": "wink"})
    assert (unknown.status_code, "view, addtocart" in unknown.json()["detail"]) == (404, True)


def test_a_given_list_comes_back_in_the_visitors_order(shop: Shop) -> None:
    items = [f"a{code}" for code in range(20)]
    body = {"events": [{"item_id": "a7"}], "items": [*items, "nothing", *items]}
    fields = shop.client.post("/v1/rank", json=body).json()
    assert sorted(ids(fields)) == sorted(items)
    assert fields["unknown_items"] == ["nothing"]
    assert fields["ignored_events"] == {}
    other = shop.client.post("/v1/rank", json={**body, "events": [{"item_id": "a15"}]}).json()
    assert ids(other) != ids(fields)
    shop.service.exposures.flush()
    assert len(shop.log.streams["exposures"]) == 2


def test_a_ranking_without_a_known_item_is_empty(shop: Shop) -> None:
    fields = shop.client.post("/v1/rank", json={"items": ["x", "y"]}).json()
    assert (fields["items"], fields["unknown_items"]) == ([], ["x", "y"])
