"""The Spark entry point, from a lake and to a lake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.raw_logs import OpenRawLogs
from endcap.features.families import FAMILIES
from endcap.ports import Lake
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from endcap.use_cases.build_features import build_features
from endcap.use_cases.runs import open_run
from endcap.use_cases.validate_and_clean import validate_and_clean
from tests.features.spark_sessions import require_spark
from training_jobs.build_features_spark import main

NOW_MS = 1_500_000_000_000


def test_without_a_run_the_job_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"ENDCAP_LAKE_URI": str(tmp_path)}) == 1
    words = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert words["error"] == "ConfigError"
    assert "ENDCAP_RUN_ID" in words["message"]


@pytest.mark.slow
def test_the_job_leaves_what_the_same_step_leaves_on_one_machine(tmp_path: Path) -> None:
    require_spark()
    simulate(tmp_path / "raw", scale=TINY, seed=42)
    on_duckdb, on_spark = FolderLake(tmp_path / "duckdb"), FolderLake(tmp_path / "spark")
    for lake in (on_duckdb, on_spark):
        request = {"run_id": "r", "raw": str(tmp_path / "raw")}
        validate_and_clean(request, lake, OpenRawLogs(), now_ms=NOW_MS)
    for family in FAMILIES:
        build_features({"run_id": "r", "family": family}, on_duckdb)

    facts = _run_job(on_spark)

    assert facts == {"families": list(FAMILIES), "reused": []}
    for family in FAMILIES:
        _assert_same_step(on_duckdb, on_spark, f"features-{family}")
    again = build_features({"run_id": "r", "family": "temporal"}, on_spark)
    assert again == {"family": "temporal", "reused": True}


def _run_job(lake: Lake) -> dict[str, object]:
    environ = {
        **os.environ,
        "ENDCAP_LAKE_URI": lake.uri,
        "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false "
        "--conf spark.sql.shuffle.partitions=2 pyspark-shell",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "training_jobs.build_features_spark", "--run-id", "r"],
        env=environ,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    facts: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _assert_same_step(one: Lake, other: Lake, step: str) -> None:
    refs = [open_run("r", lake).ref(step) for lake in (one, other)]
    assert refs[0].path == refs[1].path
    with one.open(refs[0].path) as ours, other.open(refs[1].path) as theirs:
        names = sorted(p.relative_to(ours).as_posix() for p in ours.rglob("*") if p.is_file())
        for name in names:
            if name.endswith(".parquet"):
                _assert_close(pq.read_table(ours / name), pq.read_table(theirs / name))
            elif name.endswith(".npy"):
                np.testing.assert_allclose(np.load(ours / name), np.load(theirs / name), rtol=1e-6)
            elif name != "_manifest.json":
                assert (ours / name).read_bytes() == (theirs / name).read_bytes()


def _assert_close(one: pa.Table, other: pa.Table) -> None:
    """Equal to the rounding of float32, in which the files are."""
    assert one.schema == other.schema
    for name in one.column_names:
        np.testing.assert_allclose(one[name].to_numpy(), other[name].to_numpy(), rtol=1e-6)
