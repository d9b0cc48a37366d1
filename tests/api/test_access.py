from typing import Any

import pytest

from api.access import EVENTS, OPERATE, READ, SCOPES, AccessError, Door, GatewayDoor, TokenDoor
from endcap.adapters.folder_lake import FolderLake
from tests.api.conftest import Shop

READING = "/v1/users/ann/recommendations"
ROLE = "arn:aws:sts::123456789012:assumed-role/shop-operator/some-session"


class FixedDoor:
    """Gives every caller the same scopes."""

    def __init__(self, *scopes: str) -> None:
        self._scopes = frozenset(scopes)

    def scopes_of(self, scope: object) -> frozenset[str]:  # noqa: ARG002
        return self._scopes


def statuses(lake: FolderLake, door: Door) -> list[int]:
    """Return the answers to reading, recording, listing models, and naming a version."""
    client = Shop(lake, door).client
    event = {"event_id": "e", "user_id": "ann", "item_id": "a1"}
    return [
        client.get(READING).status_code,
        client.post("/v1/events", json=event).status_code,
        client.get("/v1/models").status_code,
        client.get(READING, headers={"X-Model-Version": "nope"}).status_code,
    ]


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ([], [403, 403, 403, 403]),
        ([READ], [200, 403, 403, 403]),
        ([EVENTS], [403, 200, 403, 403]),
        ([READ, OPERATE], [200, 403, 200, 404]),
    ],
)
def test_each_route_needs_its_scope(
    lake: FolderLake, scopes: list[str], expected: list[int]
) -> None:
    assert statuses(lake, FixedDoor(*scopes)) == expected


def event_with(authorizer: dict[str, Any] | None) -> dict[str, Any]:
    return {"aws.event": {"requestContext": {"authorizer": authorizer}}, "headers": []}


@pytest.mark.parametrize(
    ("authorizer", "scopes"),
    [
        ({"jwt": {"claims": {"scope": "openid endcap/read"}, "scopes": None}}, {READ}),
        ({"jwt": {"claims": {}, "scopes": ["shop:events", "shop:operate"]}}, {EVENTS, OPERATE}),
        ({"jwt": {"claims": {"scope": "reader"}}}, set()),
        ({"iam": {"userArn": "arn:aws:iam::123456789012:user/page"}}, {READ, EVENTS}),
        ({"iam": {"userArn": ROLE}}, SCOPES),
        ({"iam": {"userArn": ""}}, {READ, EVENTS}),
    ],
)
def test_what_the_authoriser_passes_on_decides(
    authorizer: dict[str, Any], scopes: set[str]
) -> None:
    door = GatewayDoor(("arn:aws:sts::123456789012:assumed-role/shop-operator",))
    assert door.scopes_of(event_with(authorizer)) == scopes


@pytest.mark.parametrize(
    "scope", [{"headers": []}, event_with(None), event_with({}), event_with({"lambda": {}})]
)
def test_who_was_not_seen_by_an_authoriser_is_not_let_in(scope: dict[str, Any]) -> None:
    with pytest.raises(AccessError) as caught:
        GatewayDoor().scopes_of(scope)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        ("Basic right", 401),
        ("right", 401),
        ("Bearer right", 200),
        ("bearer  right ", 200),
    ],
)
def test_a_token_opens_the_door(lake: FolderLake, header: str | None, status: int) -> None:
    client = Shop(lake, TokenDoor("right")).client
    headers = {} if header is None else {"Authorization": header}
    answer = client.get(READING, headers=headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("shop.example", 403),
        ("127.0.0.1.shop.example", 403),
        ("localhost@shop.example", 403),
    ],
)
def test_without_a_token_only_this_machine_is_answered(shop: Shop, host: str, status: int) -> None:
    assert shop.client.get(READING, headers={"host": host}).status_code == status


def test_health_needs_no_scope(lake: FolderLake) -> None:
    client = Shop(lake, FixedDoor()).client
    assert client.get("/v1/health/live").status_code == 200
    assert client.get("/v1/health/ready").status_code == 200
    assert client.get("/v1/metrics").status_code == 403
