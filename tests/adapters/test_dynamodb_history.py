import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from endcap.adapters.dynamodb_history import TRIES, DynamoDbHistory
from endcap.errors import HistoryUnavailableError
from endcap.ports import HistoryStore
from tests.adapters.aws_server import aws_server, client_of, make_history_table
from tests.adapters.history_contract import ANN, NOW_MS, HistoryContract, event


@pytest.fixture(scope="module")
def dynamodb(session: boto3.Session) -> Iterator[Any]:
    with aws_server() as url:
        yield client_of("dynamodb", url, session)


@pytest.fixture
def table(dynamodb: Any) -> str:  # noqa: ANN401
    name = f"history-{uuid.uuid4().hex}"
    make_history_table(dynamodb, name)
    return name


class TestDynamoDbHistory(HistoryContract):
    @pytest.fixture
    def store(self, dynamodb: Any, table: str) -> HistoryStore:  # noqa: ANN401
        return DynamoDbHistory(table, client=dynamodb, ttl_days=30)


def test_events_and_markers_expire(dynamodb: Any, table: str) -> None:  # noqa: ANN401
    DynamoDbHistory(table, client=dynamodb, ttl_days=30).add([event("a")])
    items = dynamodb.scan(TableName=table)["Items"]
    assert [item["expires_at"]["N"] for item in items] == [str(NOW_MS // 1000 + 30 * 86_400)] * 2


def test_nothing_of_an_erased_visitor_is_left(dynamodb: Any, table: str) -> None:  # noqa: ANN401
    store = DynamoDbHistory(table, client=dynamodb, ttl_days=30)
    store.add([event(f"{n}") for n in range(40)])
    store.erase(ANN)
    assert dynamodb.scan(TableName=table)["Items"] == []


class Failing:
    """A client whose every call raises, or whose first `n` do."""

    def __init__(self, error: Exception, n: int = 1_000) -> None:
        self.error = error
        self.left = n
        self.calls = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return self._call

    def _call(self, **_: object) -> dict[str, Any]:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return {"Items": []}


def cancelled(*codes: str) -> ClientError:
    reasons = [{"Code": code} for code in codes]
    error: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "ann did this"},
        "CancellationReasons": reasons,
    }
    return ClientError(error, "TransactWriteItems")


def failing(error: Exception, n: int = 1_000) -> tuple[DynamoDbHistory, Failing]:
    client = Failing(error, n)
    return DynamoDbHistory("t", client=client, ttl_days=1, sleep=lambda _: None), client


def test_what_is_there_already_is_no_error() -> None:
    store, client = failing(cancelled("ConditionalCheckFailed", "None"))
    store.add([event("a")])
    assert client.calls == 1


def test_a_conflict_is_tried_again_and_given_up_in_the_end() -> None:
    store, client = failing(cancelled("None", "TransactionConflict"), 2)
    store.add([event("a")])
    assert client.calls == 3
    store, client = failing(cancelled("None", "TransactionConflict"))
    with pytest.raises(HistoryUnavailableError):
        store.add([event("a")])
    assert client.calls == TRIES


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="x"), cancelled("None")])
def test_what_aws_raises_is_ours_and_repeats_nothing_personal(error: Exception) -> None:
    store, _ = failing(error)
    for call in (
        lambda: store.read(ANN, limit=1),
        lambda: store.add([event("a")]),
        lambda: store.erase(ANN),
    ):
        with pytest.raises(HistoryUnavailableError) as caught:
            call()
        assert ANN not in str(caught.value)


def test_a_missing_table_is_unavailable(dynamodb: Any) -> None:  # noqa: ANN401
    store = DynamoDbHistory("nope", client=dynamodb, ttl_days=1)
    with pytest.raises(HistoryUnavailableError, match="ResourceNotFoundException"):
        store.read(ANN, limit=1)
