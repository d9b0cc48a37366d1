"""Who may do what: by what API Gateway's authoriser passes on, by a token, or on this machine.

A caller has some of three scopes: ``read`` (recommendations, items, monitoring), ``events`` (to
record and to erase) and ``operate`` (to release models, and to name a version).
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

READ: Final = "read"
EVENTS: Final = "events"
OPERATE: Final = "operate"
SCOPES: Final = frozenset({READ, EVENTS, OPERATE})

_LOOPBACK: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_SESSION: Final = re.compile(r"^(arn:[^:]+:sts::\d+:assumed-role/[^/]+)/.*$")


class AccessError(Exception):
    """A caller is not let in: `status` 401 or 403, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Door(Protocol):
    """Decides what a request's caller may do."""

    def scopes_of(self, scope: Mapping[str, Any]) -> frozenset[str]:
        """Return the caller's scopes. `scope`: the request's ASGI scope. Raises `AccessError`."""


@dataclass(frozen=True)
class GatewayDoor:
    """Trusts what API Gateway's authoriser passed on, and nobody whom it did not see.

    `operators`: patterns of the ARNs of IAM principals that may operate; an assumed role is named
    without its session. A token's scopes may carry a prefix up to the last ``/`` or ``:``.
    """

    operators: tuple[str, ...] = ()

    def scopes_of(self, scope: Mapping[str, Any]) -> frozenset[str]:
        """Return the scopes of the token, or those of an IAM principal. Raises `AccessError`."""
        authorizer = scope.get("aws.event", {}).get("requestContext", {}).get("authorizer") or {}
        if isinstance(authorizer.get("jwt"), Mapping):
            return _token_scopes(authorizer["jwt"])
        if isinstance(authorizer.get("iam"), Mapping):
            return self._principal_scopes(str(authorizer["iam"].get("userArn") or ""))
        raise AccessError(401, "no authoriser of API Gateway has seen this request")

    def _principal_scopes(self, arn: str) -> frozenset[str]:
        name = _SESSION.sub(r"\1", arn)
        is_operator = any(fnmatchcase(name, pattern) for pattern in self.operators)
        return SCOPES if name and is_operator else frozenset({READ, EVENTS})


@dataclass(frozen=True)
class TokenDoor:
    """Whoever has the token may do everything."""

    token: str

    def scopes_of(self, scope: Mapping[str, Any]) -> frozenset[str]:
        """Return all scopes for the right bearer token. Raises `AccessError`."""
        kind, _, given = _header(scope, b"authorization").partition(b" ")
        right = hmac.compare_digest(given.strip(), self.token.encode())
        if kind.lower() != b"bearer" or not right:
            raise AccessError(401, "this service needs its bearer token")
        return SCOPES


@dataclass(frozen=True)
class LoopbackDoor:
    """Whoever is on this machine may do everything; the server must be bound to loopback.

    The host header is checked: a web page elsewhere, whose name was made to point here, is no
    caller on this machine.
    """

    def scopes_of(self, scope: Mapping[str, Any]) -> frozenset[str]:
        """Return all scopes for a request to this machine's own name. Raises `AccessError`."""
        host = _header(scope, b"host").decode("latin-1")
        if not _LOOPBACK.fullmatch(host):
            raise AccessError(403, "without a token this service answers on its own machine alone")
        return SCOPES


def _token_scopes(jwt: Mapping[str, Any]) -> frozenset[str]:
    claims = jwt.get("claims") or {}
    given = jwt.get("scopes") or str(claims.get("scope", "")).split()
    return SCOPES & {re.split(r"[/:]", str(name))[-1] for name in given}


def _header(scope: Mapping[str, Any], name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")
