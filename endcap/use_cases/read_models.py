"""What a lake holds in models."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from endcap.ports import Lake
from endcap.registry.promotion import CHAMPION_PATH, Champion
from endcap.use_cases.lake_layout import model_path
from endcap.use_cases.text_table import text_table

_SHOWN = {"hit rate@20": "next_interaction/hit_rate@20", "mrr@20": "next_interaction/mrr@20"}


def read_models(lake: Lake) -> list[dict[str, Any]]:
    """Return every model, newest cut first.

    Each has ``version``, ``cut`` (ISO 8601, UTC), ``champion`` (bool), ``digest`` (over all files),
    ``files`` (path -> sha256) and ``metrics`` (name -> mean on the test slice, or None).
    """
    record = lake.read(CHAMPION_PATH)
    champion = None if record is None else Champion.from_bytes(record.data).version
    manifests = [lake.manifest(path) for path in lake.list_folders(model_path())]
    models = [
        {
            "version": manifest.facts["version"],
            "cut": manifest.facts["cut"],
            "champion": manifest.facts["version"] == champion,
            "digest": manifest.digest,
            "files": dict(manifest.files),
            "metrics": manifest.facts["metrics"],
        }
        for manifest in manifests
        if manifest is not None
    ]
    return sorted(models, key=lambda model: (model["cut"], model["version"]), reverse=True)


def describe_models(models: Sequence[Mapping[str, Any]]) -> str:
    """Return what `read_models` found as a plain table; times in UTC, to the second."""
    if not models:
        return "No models yet; `endcap run` trains the first."
    head = ["version", "cut (UTC)", "content", *_SHOWN, ""]
    rows = [
        [
            model["version"],
            datetime.fromisoformat(model["cut"]).strftime("%Y-%m-%d %H:%M:%S"),
            model["digest"][:16],
            *(_number(model["metrics"].get(name)) for name in _SHOWN.values()),
            "champion" if model["champion"] else "",
        ]
        for model in models
    ]
    return "\n".join(text_table([head, *rows], right=[3, 4]))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
