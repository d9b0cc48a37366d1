"""A small shop's log, and the steps of the workflow one after the other in this process."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from endcap.adapters.raw_logs import OpenRawLogs
from endcap.features.families import FAMILIES
from endcap.ports import Lake
from endcap.use_cases.build_features import build_features
from endcap.use_cases.calibrate import calibrate
from endcap.use_cases.evaluate import evaluate
from endcap.use_cases.generate_candidates import generate_candidates
from endcap.use_cases.plan_candidates import plan_candidates
from endcap.use_cases.register_model import register_model
from endcap.use_cases.train_ranker import train_ranker
from endcap.use_cases.train_retrieval import train_retrieval
from endcap.use_cases.tune_ranker import tune_ranker
from endcap.use_cases.validate_and_clean import validate_and_clean

N_ITEMS = 40
N_VISITORS = 90
START_MS = 1_430_000_000_000
HOUR_MS = 3_600_000
HOURS = 30 * 24
NOW_MS = 1_700_000_000_000
CONFIG: Mapping[str, Any] = {
    "threads": 1,
    "retrieval": {
        "als": {"factors": 4, "iterations": 2},
        "candidates_per_source": 15,
        "popular_candidates": 10,
    },
    "retrieval_tuning": {"trials": 0},
    "ranking": {"max_queries": 200, "negatives_per_query": 8, "trials": 0, "iterations": 10},
    "uncertainty": {"max_queries": 150},
    "evaluation": {
        "max_queries": 150,
        "bootstrap_samples": 30,
        "baseline_trials": 2,
        "baseline_queries": 50,
    },
    "gate": {"min_queries": 5},
    "publish": {"max_users": 10, "k": 4},
}


def log_rows() -> list[str]:
    """Return views of visitors who walk to neighbouring items, oldest first, and a few carts."""
    rng = np.random.default_rng(11)
    rows = []
    for visitor in range(N_VISITORS):
        item, hour = int(rng.integers(N_ITEMS)), float(rng.uniform(0, HOURS / 2))
        while hour < HOURS:
            kind = "addtocart" if rng.random() < 0.1 else "view"
            time_ms = START_MS + int(hour * HOUR_MS)
            rows.append((time_ms, f"{time_ms},{1000 + visitor},{kind},{500 + item},"))
            item = (item + int(rng.integers(-2, 3))) % N_ITEMS
            hour += float(rng.choice([0.1, rng.exponential(60)], p=[0.6, 0.4]))
    return [row for _, row in sorted(rows)]


def write_log(folder: Path, rows: list[str]) -> Path:
    """Write rows as RetailRocket's event file and return the folder."""
    folder.mkdir(parents=True)
    text = "\n".join(["timestamp,visitorid,event,itemid,transactionid", *rows])
    (folder / "events.csv").write_text(text + "\n")
    return folder


def train_model(
    lake: Lake, run_id: str, raw: Path, changes: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Run every step up to the registered model, and return what each one answered.

    `changes`: sections of the configuration that replace those of `CONFIG`.
    """
    settings = f"settings/{run_id}.json"
    lake.write(settings, json.dumps({**CONFIG, **(changes or {})}).encode())
    request = {"run_id": run_id, "raw": str(raw), "config": settings}
    answers = {"clean": validate_and_clean(request, lake, OpenRawLogs(), now_ms=NOW_MS)}
    for family in FAMILIES:
        answers[family] = build_features({**request, "family": family}, lake)
    for fold in answers["clean"]["folds"]:
        answers[fold] = train_retrieval({**request, "fold": fold}, lake)
    answers["plan"] = plan_candidates(request, lake)
    for shard in answers["plan"]["shards"]:
        name = "candidates {fold} {shard}".format(**shard)
        answers[name] = generate_candidates({**request, **shard}, lake)
    for step in (tune_ranker, train_ranker, calibrate, evaluate, register_model):
        answers[step.__name__] = partial(step, request)(lake)
    return answers
