import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ENDCAP = Path(sys.executable).with_name("endcap")
"""The console script of the environment that the tests run in."""


def clean_environment() -> dict[str, str]:
    """This process's environment without what would steer the command line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ENDCAP_")}


def run_endcap(
    *args: str | Path, env: dict[str, str] | None = None, timeout_seconds: float = 300
) -> "subprocess.CompletedProcess[str]":
    """Run the console script in an empty folder; `env` comes on top of a clean environment."""
    with TemporaryDirectory() as folder:
        return subprocess.run(
            [ENDCAP, *args],
            cwd=folder,
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )


def succeed(*args: str | Path, env: dict[str, str] | None = None) -> str:
    """Run the console script, insist on exit code 0, and return what it printed."""
    done = run_endcap(*args, env=env)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def train(raw: Path, lake: Path, config: Path, *more: str | Path) -> str:
    """Run the training workflow to its end and return what it printed."""
    return succeed("run", "--raw", raw, "--lake", lake, "--config", config, *more)


def list_models(lake: Path) -> list[dict[str, Any]]:
    """Return what `endcap models list --json` prints."""
    models: list[dict[str, Any]] = json.loads(succeed("models", "list", "--lake", lake, "--json"))
    return models


def champion_of(models: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one model that is marked as the champion."""
    (champion,) = [model for model in models if model["champion"]]
    return champion


def reused_steps(lake: Path, run_id: str) -> dict[str, bool]:
    """Return every step that a run went through, and whether its result was there already."""
    files = sorted((lake / "runs" / run_id / "steps").glob("*.json"))
    return {file.stem: json.loads(file.read_text())["reused"] for file in files}


def models_after(lake: Path, run_id: str) -> list[dict[str, Any]]:
    """Return the models that were listed after a run of `visited_lake`."""
    models: list[dict[str, Any]] = json.loads((lake / "runs" / run_id / "models.json").read_text())
    return models


def printed_by(lake: Path, run_id: str) -> str:
    """Return what a run of `visited_lake` printed."""
    return (lake / "runs" / run_id / "printed.txt").read_text()
