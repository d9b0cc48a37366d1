"""What operators do to models by hand: make one the champion, or go back."""

import json

from endcap.errors import NotFoundError
from endcap.ports import Lake
from endcap.registry.promotion import Candidate, Champion, promote, roll_back
from endcap.use_cases.champions import install_champion, read_champion
from endcap.use_cases.lake_layout import model_path, run_path


def promote_version(lake: Lake, version: str, *, reason: str, now_ms: int) -> Champion:
    """Make a model of the lake the champion, whatever the gate said of it.

    To promote the champion changes nothing. Raises `NotFoundError` if there is no such model,
    `ConflictError` if another writer was faster.
    """
    champion, tag = read_champion(lake)
    record = promote(champion, _candidate(lake, version), reasons=[reason], now_ms=now_ms)
    if record != champion:
        install_champion(lake, record, expected=tag)
    return record


def roll_back_to(lake: Lake, version: str | None, *, reason: str, now_ms: int) -> Champion:
    """Serve an earlier model again: `version`, or the one that the champion replaced.

    Raises `NotFoundError` if there is none, `UserInputError` if it is the champion already,
    `ConflictError` if another writer was faster.
    """
    champion, tag = read_champion(lake)
    target = version or (None if champion is None else champion.promoted_from)
    bundles = {} if target is None else {target: _candidate(lake, target)}
    record = roll_back(champion, bundles, to_version=version, reason=reason, now_ms=now_ms)
    install_champion(lake, record, expected=tag)
    return record


def _candidate(lake: Lake, version: str) -> Candidate:
    path = model_path(version)
    manifest = lake.manifest(path)
    if manifest is None:
        raise NotFoundError(f"no model {version!r} in {lake.uri}; `endcap models list` shows them")
    return Candidate(version, path, int(manifest.facts["cut_ms"]), _run_of(lake, version))


def _run_of(lake: Lake, version: str) -> str:
    """Return the last run, by name, that registered a model; empty if none of this lake did."""
    marker = "/steps/model.json"
    for path in reversed(lake.list_objects(run_path())):
        found = lake.read(path) if path.endswith(marker) else None
        if found is not None and _registered(found.data) == version:
            return path.removesuffix(marker).rsplit("/", 1)[-1]
    return ""


def _registered(marker: bytes) -> str | None:
    """Return the version that a run registered; None for what no run can have written."""
    try:
        return str(json.loads(marker)["facts"]["version"])
    except (ValueError, KeyError, TypeError):
        return None
