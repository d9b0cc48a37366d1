import json
import logging

import pytest

from api.logs import JsonLines, pseudonym
from endcap.serving.ladder import IMPERSONAL
from tests.api.conftest import Shop


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """Return the service's lines; the client of the test writes some of its own."""
    records = [record for record in caplog.records if record.name != "httpx2"]
    return [json.loads(JsonLines().format(record)) for record in records]


def test_a_request_is_one_line_without_personal_ids(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = shop.client.get("/v1/users/ann-4711/recommendations?k=3&exclude=a1")
    (line,) = [line for line in lines(caplog) if line["message"] == "request"]
    assert line["route"] == "/v1/users/{user_id}/recommendations"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["recommendation_id"] == answer.json()["recommendation_id"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["user"] == pseudonym("ann-4711", b"key")
    sources = [item["source"] for item in answer.json()["items"]]
    impersonal = [source for source in sources if source in IMPERSONAL]
    assert line["fallback_share"] == pytest.approx(len(impersonal) / len(sources))
    assert "ann-4711" not in json.dumps(lines(caplog))


def test_neither_bodies_nor_tokens_are_logged_when_something_is_wrong(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer s3cret"}
    shop.client.post("/v1/events", json={"user_id": "ann-4711", "x": 1}, headers=headers)
    shop.history.is_down = True
    shop.client.post("/v1/events", json=shop.event("e", "a1", user_id="ann-4711"))
    shop.client.get("/v1/users/ann-4711/recommendations")
    text = json.dumps(lines(caplog))
    assert "ann-4711" not in text
    assert "s3cret" not in text


def test_a_pseudonym_depends_on_the_key() -> None:
    assert pseudonym("ann", b"one") == pseudonym("ann", b"one")
    assert pseudonym("ann", b"one") != pseudonym("ann", b"two")
    assert pseudonym("ann", b"one") != pseudonym("bob", b"one")


@pytest.mark.parametrize("given", ["abc-1", "x" * 128])
def test_a_request_id_that_is_given_is_kept(shop: Shop, given: str) -> None:
    answer = shop.client.get("/v1/health/live", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a\tb"])
def test_a_request_id_that_is_odd_is_replaced(shop: Shop, given: str) -> None:
    answer = shop.client.get("/v1/health/live", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] != given


def test_metrics_tell_stages_sources_and_the_model(shop: Shop, versions: list[str]) -> None:
    shop.client.get("/v1/users/ann/recommendations?k=5")
    text = shop.client.get("/v1/metrics").text
    assert 'endcap_stage_seconds_count{stage="history"} 1.0' in text
    assert "endcap_items_total{source=" in text
    assert f'endcap_model{{version="{versions[0]}"}} 1.0' in text
    assert 'route="/v1/users/{user_id}/recommendations",status="200"' in text
