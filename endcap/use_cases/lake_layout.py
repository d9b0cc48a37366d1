"""Where a lake keeps what the use cases write. See docs/lake.md."""

import re
from typing import Final

from endcap.errors import NotFoundError

LATEST_SCOREBOARD: Final = "scoreboard.json"
"""Small object: the scoreboard of the run that finished its evaluation last."""

LATEST_DRIFT: Final = "monitoring/drift.json"
"""Small object: the drift report that was made last."""

LATEST_METRICS: Final = "monitoring/metrics.json"
"""Small object: what the last monitoring run measured of the service."""

RETRAININGS: Final = "monitoring/retrainings.json"
"""Small object: when monitoring asked for training."""

_MODELS: Final = "models"
_RUNS: Final = "runs"
_STEPS: Final = "steps"
VERSION: Final = r"[0-9A-Za-z][0-9A-Za-z._-]*"
"""How versions are spelled."""


def model_path(version: str = "") -> str:
    """Return the folder of a model bundle; without a version, what lies above all of them.

    Raises `NotFoundError` for what no version is spelled like.
    """
    if version and not re.fullmatch(VERSION, version):
        raise NotFoundError(f"no model can be called {version!r}")
    return f"{_MODELS}/{version}" if version else _MODELS


def monitoring_path(run_id: str, name: str) -> str:
    """Return where a small object of a monitoring run lies."""
    return f"monitoring/runs/{run_id}/{name}"


def batch_path(run_id: str, part: str, shard: int) -> str:
    """Return the folder of one shard of a batch: of its requests, or of its recommendations."""
    return f"batch/{run_id}/{part}/{shard:05d}"


def run_path(run_id: str = "", name: str = "") -> str:
    """Return where something of a run lies: a small object, or a folder; or what lies above all.

    >>> run_path("run-1", "gate.json")
    'runs/run-1/gate.json'
    """
    if not run_id:
        return _RUNS
    return f"{_RUNS}/{run_id}/{name}"


def step_path(step: str, fingerprint: str) -> str:
    """Return the folder of a step's output."""
    return f"{_STEPS}/{step}/{fingerprint}"


def trial_path(study: str, key: str, number: int) -> str:
    """Return where one finished trial of a search lies, a small object.

    >>> trial_path("ranker", "3f9a", 7)
    'studies/ranker/3f9a/00007.json'
    """
    return f"studies/{study}/{key}/{number:05d}.json"
