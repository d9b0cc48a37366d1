"""Requests as API Gateway's HTTP API hands them to Lambda, payload format 2.0.

Fields as in https://docs.aws.amazon.com/apigateway/latest/developerguide/
http-api-develop-integrations-lambda.html
"""

from base64 import b64encode
from typing import Any
from urllib.parse import unquote

ACCOUNT = "123456789012"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/shop/page"


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    body: bytes | None = None,
    base64: bool = False,
    headers: dict[str, str] | None = None,
    authorizer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one request's document.

    `path` and `query` as they stand in the URL, percent-encoded; the gateway hands on the path
    decoded. Headers of one name that came several times are joined by commas.
    """
    sent = {"host": "abc123.execute-api.us-east-1.amazonaws.com", "x-forwarded-proto": "https"}
    if body is not None:
        sent |= {"content-type": "application/json", "content-length": str(len(body))}
    sent |= headers or {}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path),
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "abc123",
            "authorizer": authorizer or {"iam": {"userArn": CALLER, "accountId": ACCOUNT}},
            "domainName": "abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc123",
            "http": {
                "method": method,
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "shop/1.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:10:15:30 +0000",
            "timeEpoch": 1_795_342_530_000,
        },
        "isBase64Encoded": base64,
    }
    if query:
        names = dict.fromkeys(part.partition("=")[0] for part in query.split("&"))
        event["queryStringParameters"] = {
            unquote(name): ",".join(
                unquote(part.partition("=")[2])
                for part in query.split("&")
                if part.partition("=")[0] == name
            )
            for name in names
        }
    if body is not None:
        event["body"] = b64encode(body).decode() if base64 else body.decode()
    return event
