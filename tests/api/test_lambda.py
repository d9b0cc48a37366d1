"""The service as Lambda runs it: AWS's runtime interface client, API Gateway's documents."""

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.opening_stores import open_record_log
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.ports import EVENTS
from endcap.use_cases.release_models import promote_version
from tests.api.gateway import http_event
from tests.api.runtime_api import RuntimeApi, running_function
from tests.serving.small_shop import CUT_MS, N_ITEMS
from tests.use_cases.foreign_model import file_small_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda")
    lake = FolderLake(folder / "lake")
    ids = [f"a{item}" for item in range(N_ITEMS)]
    version = file_small_shop(lake, folder / "parts", item_ids=ids, cut_ms=CUT_MS)
    promote_version(lake, version, reason="test", now_ms=1)
    return folder


@pytest.fixture(scope="module")
def function(folder: Path) -> Iterator[RuntimeApi]:
    environ = {
        "ENDCAP_LAKE_URI": str(folder / "lake"),
        "ENDCAP_HISTORY_URI": str(folder / "history.sqlite"),
        "ENDCAP_RECORD_LOG_URI": str(folder / "log"),
        "ENDCAP_OPERATORS": "arn:aws:sts::123456789012:assumed-role/operator",
    }
    with running_function(environ, folder / "logs.txt") as function:
        yield function


def fields(answer: dict[str, Any]) -> Any:  # noqa: ANN401
    body = answer["body"]
    return json.loads(b64decode(body) if answer["isBase64Encoded"] else body)


def ids(answer: dict[str, Any]) -> list[str]:
    assert answer["statusCode"] == 200, answer
    return [item["item_id"] for item in fields(answer)["items"]]


def test_a_query_of_several_values_reaches_the_rules(function: RuntimeApi) -> None:
    first = ids(function.invoke(http_event("GET", "/v1/users/eve/recommendations", query="k=2")))
    query = "&".join(["k=5", *(f"exclude={item}" for item in first), "max_price=5e1"])
    other = function.invoke(http_event("GET", "/v1/users/eve/recommendations", query=query))
    assert len(ids(other)) == 5
    assert set(first).isdisjoint(ids(other))
    assert other["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize("base64", [False, True])
def test_a_body_comes_plain_or_in_base64(function: RuntimeApi, base64: bool) -> None:
    event = {"event_id": f"e-{base64}", "user_id": f"zoë-{base64}", "item_id": "a9"}
    body = json.dumps(event, ensure_ascii=False).encode()
    told = function.invoke(http_event("POST", "/v1/events", body=body, base64=base64))
    assert (told["statusCode"], fields(told)["accepted"]) == (200, 1)


@pytest.mark.parametrize(
    ("user", "encoded"),
    [
        ("zoë of Köln", "zo%C3%AB%20of%20K%C3%B6ln"),
        ("100%", "100%25"),
        ("100%41", "100%2541"),
        ("a+b@shop.example", "a%2Bb%40shop.example"),
    ],
)
def test_an_encoded_path_names_the_same_user_as_a_body(
    function: RuntimeApi, folder: Path, user: str, encoded: str
) -> None:
    path = f"/v1/users/{encoded}/recommendations"
    seen = ids(function.invoke(http_event("GET", path, query="k=1")))[0]
    body = json.dumps({"event_id": user, "user_id": user, "item_id": seen}).encode()
    assert function.invoke(http_event("POST", "/v1/events", body=body))["statusCode"] == 200
    assert seen not in ids(function.invoke(http_event("GET", path, query="k=59")))
    with closing(SqliteHistory(folder / "history.sqlite")) as history:
        assert [event.item_id for event in history.read(user, limit=9)] == [seen]
        assert function.invoke(http_event("DELETE", f"/v1/users/{encoded}"))["statusCode"] == 200
        assert history.read(user, limit=9) == []


def test_what_was_shown_is_in_the_log_before_the_answer_is_given(
    function: RuntimeApi, folder: Path
) -> None:
    answer = function.invoke(http_event("GET", "/v1/users/eve/recommendations", query="k=3"))
    log = open_record_log(str(folder / "log"))
    shown = {
        record.fields["recommendation_id"]: record.fields["items"]
        for record in log.read("exposures", since_ms=0)
    }
    assert shown[fields(answer)["recommendation_id"]] == ids(answer)


def test_an_acknowledged_event_is_in_the_log(function: RuntimeApi, folder: Path) -> None:
    body = json.dumps({"event_id": "durable", "user_id": "u", "item_id": "a1"}).encode()
    assert function.invoke(http_event("POST", "/v1/events", body=body))["statusCode"] == 200
    log = open_record_log(str(folder / "log"))
    assert "durable" in [record.fields["event_id"] for record in log.read(EVENTS, since_ms=0)]


@pytest.mark.parametrize(
    ("authorizer", "status"),
    [
        ({"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/operator/ann"}}, 200),
        ({"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/page/ann"}}, 403),
        ({"jwt": {"claims": {"scope": "shop/operate shop/read"}, "scopes": None}}, 200),
        ({"jwt": {"claims": {"scope": "shop/read"}, "scopes": None}}, 403),
        ({"lambda": {"any": "thing"}}, 401),
    ],
)
def test_who_may_operate_is_what_the_authoriser_says(
    function: RuntimeApi, authorizer: dict[str, Any], status: int
) -> None:
    answer = function.invoke(http_event("GET", "/v1/models", authorizer=authorizer))
    assert answer["statusCode"] == status


def test_headers_and_cookies_of_several_values_do_no_harm(function: RuntimeApi) -> None:
    event = http_event(
        "GET",
        "/v1/health/ready",
        headers={"accept": "application/json,text/html", "x-forwarded-for": "192.0.2.1, 192.0.2.7"},
    )
    answer = function.invoke({**event, "cookies": ["a=1", "b=2"]})
    assert fields(answer)["status"] == "ok"


def test_errors_are_problems_and_not_crashes(function: RuntimeApi) -> None:
    for event, status in (
        (http_event("GET", "/v1/users/a/b/recommendations"), 404),
        (http_event("POST", "/v1/events", body=b"{"), 422),
        (http_event("POST", "/v1/events", body=gzip.compress(b"{}"), base64=True), 422),
        (http_event("GET", "/v1/users/a/recommendations", query="k=many"), 422),
        (http_event("PUT", "/v1/events"), 405),
    ):
        answer = function.invoke(event)
        assert answer["statusCode"] == status
        assert answer["headers"]["content-type"] == "application/problem+json"
        assert fields(answer)["status"] == status


def test_metrics_come_as_text(function: RuntimeApi) -> None:
    answer = function.invoke(http_event("GET", "/v1/metrics"))
    assert not answer["isBase64Encoded"]
    assert "endcap_" in answer["body"]


def test_the_logs_hold_no_personal_id(function: RuntimeApi, folder: Path) -> None:
    function.invoke(http_event("GET", "/v1/users/anna.smith@shop.example/recommendations"))
    logs = (folder / "logs.txt").read_text(encoding="utf-8")
    assert "recommendation_id" in logs
    assert "anna.smith" not in logs
    assert "zoë" not in logs
