"""What a lake holds in models."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from endcap.errors import CorruptArtifactError
from endcap.ports import Lake
from endcap.registry.promotion import CHAMPION_PATH, Champion
from endcap.use_cases.lake_layout import model_path
from endcap.use_cases.text_table import text_table

_SHOWN = {"hit rate@20": "next_interaction/hit_rate@20", "mrr@20": "next_interaction/mrr@20"}


def read_models(lake: Lake, *, newest: int | None = None) -> list[dict[str, Any]]:
    """Return every model, or the `newest` by version, which begins with the cut; newest cut first.

    Each has ``version``, ``cut`` (ISO 8601, UTC), ``champion`` (bool), ``digest`` (over all files),
    ``files`` (path -> sha256), ``metrics`` (name -> mean on the test slice, or None) and
    ``problem``. One whose manifest cannot be read comes last and says so as its ``problem``; its
    ``cut`` and ``digest`` are None.
    """
    record = lake.read(CHAMPION_PATH)
    champion = None if record is None else Champion.from_bytes(record.data).version
    paths = sorted(lake.list_folders(model_path()), reverse=True)[:newest]
    models = [_described(lake, path) for path in paths]
    listed = [
        {**model, "champion": model["version"] == champion} for model in models if model is not None
    ]
    return sorted(listed, key=lambda model: (model["cut"] or "", model["version"]), reverse=True)


def _described(lake: Lake, path: str) -> dict[str, Any] | None:
    name = path.rsplit("/", 1)[-1]
    try:
        manifest = lake.manifest(path)
    except CorruptArtifactError as exc:
        unknown: dict[str, Any] = {"cut": None, "digest": None, "files": {}, "metrics": {}}
        return {"version": name, **unknown, "problem": str(exc)}
    if manifest is None:
        return None
    return {
        "version": manifest.facts["version"],
        "cut": manifest.facts["cut"],
        "digest": manifest.digest,
        "files": dict(manifest.files),
        "metrics": manifest.facts["metrics"],
        "problem": None,
    }


def describe_models(models: Sequence[Mapping[str, Any]]) -> str:
    """Return what `read_models` found as a plain table; times in UTC, to the second."""
    if not models:
        return "No models yet; `endcap run` trains the first."
    head = ["version", "cut (UTC)", "content", *_SHOWN, ""]
    rows = [
        [
            model["version"],
            _to_the_second(model["cut"]),
            (model["digest"] or "cannot be read")[:16],
            *(_number(model["metrics"].get(name)) for name in _SHOWN.values()),
            "champion" if model["champion"] else "",
        ]
        for model in models
    ]
    return "\n".join(text_table([head, *rows], right=[3, 4]))


def _to_the_second(cut: str | None) -> str:
    return "-" if cut is None else f"{datetime.fromisoformat(cut):%Y-%m-%d %H:%M:%S}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
