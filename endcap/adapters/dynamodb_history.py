"""Visitors' histories in a DynamoDB table.

    user_id (hash)   moment (range)               what
    ann              e#<time, ms>#<event id>      an event: its fields, and ``expires_at``
    ann              i#<event id>                 a marker: this id has been taken

Both are written in one transaction, so that of equal ids the first stays, whatever its time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endcap.errors import HistoryUnavailableError
from endcap.ports import VisitorEvent

USER_ID: Final = "user_id"
MOMENT: Final = "moment"
EXPIRES_AT: Final = "expires_at"
TRIES: Final = 5
CONNECTIONS: Final = 16
DELETED_AT_ONCE: Final = 25

_DAY_SECONDS: Final = 86_400
_TIME_DIGITS: Final = 15
_CONFLICTS: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)


class DynamoDbHistory:
    """A `HistoryStore` in a table with the string keys ``user_id`` and ``moment``.

    Events expire `ttl_days` after they happened, by the table's TTL on ``expires_at``. `sleep` is
    called with seconds between tries.
    """

    def __init__(
        self,
        table: str,
        *,
        client: Any,  # noqa: ANN401 -- boto3's clients have no type of their own
        ttl_days: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._client = client
        self._ttl_days = ttl_days
        self._sleep = sleep

    @classmethod
    def connect(cls, table: str, *, ttl_days: int) -> Self:
        """Return the histories in a table of this account and region.

        A request waits a second at most, and once more: recommendations do without rather.
        """
        config = Config(
            connect_timeout=1,
            read_timeout=1,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=CONNECTIONS,
        )
        return cls(table, client=boto3.client("dynamodb", config=config), ttl_days=ttl_days)

    def read(self, user_id: str, *, limit: int) -> list[VisitorEvent]:
        """Return the newest `limit` events of a visitor, oldest first, as of now."""
        items = []
        for item in self._query(user_id, prefix="e#", limit=limit):
            items.append(_to_event(item))
            if len(items) == limit:
                break
        return items[::-1]

    def add(self, events: Sequence[VisitorEvent]) -> None:
        """Keep the events that are not there yet."""
        if len(events) == 1:
            self._put(events[0])
            return
        # Of one visitor's in order: of equal ids the first stays.
        by_visitor: dict[str, list[VisitorEvent]] = {}
        for event in events:
            by_visitor.setdefault(event.user_id, []).append(event)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(self._put_all, by_visitor.values()))

    def erase(self, user_id: str) -> None:
        """Forget a visitor whole."""
        keys = [
            {USER_ID: item[USER_ID], MOMENT: item[MOMENT]}
            for item in self._query(user_id, prefix=None, limit=None)
        ]
        for start in range(0, len(keys), DELETED_AT_ONCE):
            self._delete(keys[start : start + DELETED_AT_ONCE])

    def _query(
        self, user_id: str, *, prefix: str | None, limit: int | None
    ) -> Iterator[Mapping[str, Any]]:
        values: dict[str, Any] = {":user": {"S": user_id}}
        condition = f"{USER_ID} = :user"
        if prefix is not None:
            values[":prefix"] = {"S": prefix}
            condition += f" AND begins_with({MOMENT}, :prefix)"
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        if limit is not None:
            request["Limit"] = limit
        while True:
            answer = self._call("query", request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put_all(self, events: Sequence[VisitorEvent]) -> None:
        for event in events:
            self._put(event)

    def _put(self, event: VisitorEvent) -> None:
        expires = {EXPIRES_AT: {"N": str(event.time_ms // 1000 + self._ttl_days * _DAY_SECONDS)}}
        marker = {USER_ID: {"S": event.user_id}, MOMENT: {"S": f"i#{event.event_id}"}, **expires}
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": marker,
                    "ConditionExpression": f"attribute_not_exists({MOMENT})",
                }
            },
            {"Put": {"TableName": self._table, "Item": {**_to_item(event), **expires}}},
        ]
        for attempt in range(1, TRIES + 1):
            try:
                self._client.transact_write_items(TransactItems=puts)
            except ClientError as exc:
                codes = _reasons(exc)
                if "ConditionalCheckFailed" in codes:
                    return
                if not codes & _CONFLICTS or attempt == TRIES:
                    raise self._unavailable(exc) from exc
                self._sleep(0.02 * 2**attempt)
            except BotoCoreError as exc:
                raise self._unavailable(exc) from exc
            else:
                return

    def _delete(self, keys: Sequence[Mapping[str, Any]]) -> None:
        requests: Any = {self._table: [{"DeleteRequest": {"Key": key}} for key in keys]}
        for attempt in range(1, TRIES + 1):
            requests = self._call("batch_write_item", {"RequestItems": requests}).get(
                "UnprocessedItems"
            )
            if not requests:
                return
            self._sleep(0.02 * 2**attempt)
        raise HistoryUnavailableError(f"the table {self._table} is throttled: ask again")

    def _call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except (ClientError, BotoCoreError) as exc:
            raise self._unavailable(exc) from exc
        return answer

    def _unavailable(self, exc: Exception) -> HistoryUnavailableError:
        # Not the message: it may repeat what was sent.
        code = exc.response["Error"]["Code"] if isinstance(exc, ClientError) else type(exc).__name__
        return HistoryUnavailableError(f"the table {self._table}: {code}")


def _to_item(event: VisitorEvent) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(event).items() if value is not None}
    moment = f"e#{fields.pop('time_ms'):0{_TIME_DIGITS}d}#{event.event_id}"
    return {MOMENT: {"S": moment}, **{name: {"S": value} for name, value in fields.items()}}


def _to_event(item: Mapping[str, Any]) -> VisitorEvent:
    _, time_ms, _ = item[MOMENT]["S"].split("#", 2)
    given: dict[str, Any] = {
        name: item[name]["S"]
        for name in VisitorEvent.__dataclass_fields__
        if name != "time_ms" and name in item
    }
    return VisitorEvent(time_ms=int(time_ms), **given)


def _reasons(exc: ClientError) -> set[str]:
    """Return why each part of a transaction was cancelled, and the error's own code."""
    reasons = exc.response.get("CancellationReasons", [])
    return {str(reason.get("Code")) for reason in reasons} | {exc.response["Error"]["Code"]}
