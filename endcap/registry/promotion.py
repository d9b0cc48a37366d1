"""Which bundle is served, which were refused, and the rules for changing that.

The champion is one small record; promoting and rolling back both replace it, and whoever stores it
does so with a conditional write, so that of two writers one loses. Nothing here stores anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Any, Final, Self

from endcap.errors import CorruptArtifactError, NotFoundError, UserInputError

CHAMPION_PATH: Final = "champion.json"
REFUSALS_PREFIX: Final = "refusals/"

_KINDS: Final[Mapping[str, type | UnionType]] = {
    "version": str,
    "path": str,
    "cut_ms": int,
    "run_id": str,
    "promoted_from": str | None,
    "promoted_at_ms": int,
    "champion": str | None,
    "refused_at_ms": int,
    "reasons": list,
}
"""What the records' fields are in JSON."""


@dataclass(frozen=True)
class Candidate:
    """A bundle that may become the champion: version, path in the lake, data cut, who made it."""

    version: str
    path: str
    cut_ms: int
    run_id: str


@dataclass(frozen=True)
class Champion:
    """The bundle that is served.

    `promoted_from`: the version it replaced, or None for the first. `reasons`: why it was
    promoted, or why there was a rollback to it. `promoted_at_ms`: UTC epoch ms.
    """

    version: str
    path: str
    cut_ms: int
    run_id: str
    promoted_from: str | None
    promoted_at_ms: int
    reasons: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the record as JSON bytes."""
        return _to_bytes(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the record of JSON bytes. Raises `CorruptArtifactError`."""
        fields = _fields(data, "champion record")
        try:
            return cls(**{**fields, "reasons": tuple(fields["reasons"])})
        except (KeyError, TypeError) as exc:
            raise CorruptArtifactError(f"the champion record is not whole: {exc}") from exc


@dataclass(frozen=True)
class Refusal:
    """A bundle that did not pass the gate, and why.

    `champion`: the version that stayed, or None.
    """

    version: str
    path: str
    cut_ms: int
    run_id: str
    champion: str | None
    refused_at_ms: int
    reasons: tuple[str, ...]

    @property
    def record_path(self) -> str:
        """Where the record belongs: one object a run, so that no refusal hides another."""
        return f"{REFUSALS_PREFIX}{self.version}-{self.run_id}.json"

    def to_bytes(self) -> bytes:
        """Return the record as JSON bytes."""
        return _to_bytes(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the record of JSON bytes. Raises `CorruptArtifactError`."""
        fields = _fields(data, "refusal record")
        try:
            return cls(**{**fields, "reasons": tuple(fields["reasons"])})
        except (KeyError, TypeError) as exc:
            raise CorruptArtifactError(f"the refusal record is not whole: {exc}") from exc


def promote(
    current: Champion | None, candidate: Candidate, *, reasons: Sequence[str], now_ms: int
) -> Champion:
    """Return the record that makes `candidate` the champion.

    If it is the champion already, the record that is there comes back unchanged: promoting twice
    is promoting once.
    """
    if current is not None and current.version == candidate.version:
        return current
    return Champion(
        **asdict(candidate),
        promoted_from=None if current is None else current.version,
        promoted_at_ms=now_ms,
        reasons=tuple(reasons),
    )


def refuse(
    current: Champion | None, candidate: Candidate, *, reasons: Sequence[str], now_ms: int
) -> Refusal:
    """Return the record of a refusal. Raises `ValueError` without a reason."""
    if not reasons:
        raise ValueError(f"{candidate.version}: a refusal needs a reason")
    return Refusal(
        **asdict(candidate),
        champion=None if current is None else current.version,
        refused_at_ms=now_ms,
        reasons=tuple(reasons),
    )


def roll_back(
    current: Champion | None,
    bundles: Mapping[str, Candidate],
    *,
    to_version: str | None,
    reason: str,
    now_ms: int,
) -> Champion:
    """Return the record that serves an earlier bundle again.

    Parameters
    ----------
    bundles
        Every bundle of the lake, by version.
    to_version
        None goes back to the one that the champion replaced. A bundle that was never champion may
        be named as well: whoever rolls back by hand decides.

    Raises
    ------
    NotFoundError
        If there is no champion, nothing before it, or no such bundle.
    UserInputError
        If the version named is the champion already.
    """
    if current is None:
        raise NotFoundError("there is no champion to roll back from; `endcap run` makes one")
    target = to_version or current.promoted_from
    if target is None:
        raise NotFoundError(f"{current.version} is the first champion: name a version to go to")
    if target == current.version:
        raise UserInputError(f"{target} is the champion already")
    if target not in bundles:
        known = ", ".join(sorted(bundles)) or "none"
        raise NotFoundError(f"no model {target!r} in the lake; there are: {known}")
    return promote(current, bundles[target], reasons=(f"rolled back: {reason}",), now_ms=now_ms)


def _to_bytes(fields: Mapping[str, Any]) -> bytes:
    """Return JSON bytes that depend on the fields alone."""
    return (json.dumps(fields, sort_keys=True, indent=1) + "\n").encode()


def _fields(data: bytes, name: str) -> dict[str, Any]:
    """Return the fields of a record's JSON bytes. Raises `CorruptArtifactError`."""
    try:
        fields = json.loads(data)
    except ValueError as exc:
        raise CorruptArtifactError(f"the {name} cannot be read: {exc}") from exc
    if not isinstance(fields, dict):
        raise CorruptArtifactError(f"the {name} is not a table of fields")
    for field, value in fields.items():
        if not isinstance(value, _KINDS.get(field, object)):
            raise CorruptArtifactError(f"the {name} is not whole: {field} is {value!r}")
    return fields
