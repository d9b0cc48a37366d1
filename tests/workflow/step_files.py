import json
from pathlib import Path
from typing import Any

from endcap.adapters.folder_lake import FolderLake


def step_facts(lake: Path, run_id: str, step: str) -> dict[str, Any]:
    """Return the facts that a step of a run left."""
    facts: dict[str, Any] = _step(lake, run_id, step)["facts"]
    return facts


def step_folder(lake: Path, run_id: str, step: str) -> Path:
    """Return the folder in which a step of a run left its output."""
    return lake / str(_step(lake, run_id, step)["path"])


def step_files(lake: Path, run_id: str) -> dict[str, str]:
    """Return ``<step>/<file>`` -> sha256 of every file that the steps of a run wrote."""
    opened = FolderLake(lake)
    files: dict[str, str] = {}
    for record in (lake / "runs" / run_id / "steps").iterdir():
        manifest = opened.manifest(str(_step(lake, run_id, record.stem)["path"]))
        assert manifest is not None
        files |= {f"{record.stem}/{name}": sha256 for name, sha256 in manifest.files.items()}
    return files


def _step(lake: Path, run_id: str, step: str) -> dict[str, Any]:
    text = (lake / "runs" / run_id / "steps" / f"{step}.json").read_text()
    record: dict[str, Any] = json.loads(text)
    return record
