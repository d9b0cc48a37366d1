"""The model of another shop, filed in a lake under ids of its own."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from endcap.ports import ABSENT, Lake
from endcap.registry.bundle import BundleManifest, BundleParts, assemble
from endcap.registry.promotion import Champion
from endcap.retrieval.union import save_sources
from endcap.use_cases.champions import write_champion
from tests.serving.small_shop import fitted_model


def crown(lake: Lake, version: str, path: str, cut_ms: int) -> None:
    """Make a bundle the first champion."""
    champion = Champion(version, path, cut_ms, "earlier", None, 1, ("test",))
    write_champion(lake, champion, expected=ABSENT)


def file_small_shop(lake: Lake, scratch: Path, *, item_ids: Sequence[str], cut_ms: int) -> str:
    """File the model of `tests.serving.small_shop` with these item ids, and return its version."""
    model = fitted_model()
    save_sources(model.sources, scratch / "sources")
    model.items.save(scratch / "items")
    model.scorer.save(scratch / "ranker")
    (scratch / "calibration.json").write_text(model.calibration.to_json())
    types = {
        "names": model.event_types.names,
        "weights": model.event_types.weights,
        "aliases": {},
    }
    (scratch / "event_types.json").write_text(json.dumps(types))
    parts = BundleParts(
        item_ids=item_ids,
        item_table=scratch / "items",
        retrieval=scratch / "sources",
        ranker=scratch / "ranker",
        calibration=scratch / "calibration.json",
        event_types=scratch / "event_types.json",
    )
    with lake.staging() as staged:
        manifest: BundleManifest = assemble(
            staged,
            parts,
            cut_ms=cut_ms,
            created_from="elsewhere",
            git_commit="unknown",
            config={
                "features": model.config.features.model_dump(mode="json"),
                "retrieval": model.config.retrieval.model_dump(mode="json"),
            },
            metrics={},
        )
        path = f"models/{manifest.version}"
        facts = {
            "version": manifest.version,
            "path": path,
            "cut_ms": cut_ms,
            "cut": datetime.fromtimestamp(cut_ms / 1000, tz=UTC).isoformat(),
            "metrics": {},
        }
        lake.commit(path, staged, facts=facts)
    return manifest.version
