"""Mixed traffic on a served lake while its champion is flipped: errors, lost events, memory.

The lake must hold two models at least. Nothing of it changes but the champion record. Run from the
project's root:

    .venv/bin/python -m benchmarks.load LAKE [--minutes 10] [--flips 20]
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import numpy as np

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.segment_log import SegmentLog
from endcap.ports import EVENTS
from endcap.use_cases.champions import open_model
from endcap.use_cases.read_models import read_models

PORT: Final = 8766
SERVICE: Final = f"http://127.0.0.1:{PORT}"
CONNECTIONS: Final = 8
PER_SECOND: Final = 8.0
"""Requests of a connection: 64 a second in all, so that the machine can do other things."""
PAGE_KIB: Final = os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> None:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--flips", type=int, default=20)
    args = parser.parse_args()
    lake = FolderLake(args.lake)
    versions = [str(model["version"]) for model in read_models(lake)][:2]
    if len(versions) < 2:
        raise SystemExit("the lake needs two models to flip between")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        _write_ids(lake, state)
        endcap = Path(sys.executable).with_name("endcap")
        command = ["serve", "--lake", args.lake, "--state", state / "service", "--port", str(PORT)]
        server = subprocess.Popen(
            [endcap, *command],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "ENDCAP_LOG_LEVEL": "ERROR", "ENDCAP_REFRESH_SECONDS": "2"},
        )
        try:
            _wait_until_ready()
            memory = _traffic(server.pid, versions, state, args.minutes, args.flips)
        finally:
            server.terminate()
            server.wait()
        _report(state, memory)


def _traffic(
    pid: int, versions: list[str], state: Path, minutes: float, flips: int
) -> list[tuple[float, float]]:
    """Run locust, flip the champion, and return (minute, resident MiB) every few seconds."""
    seconds = 60 * minutes
    environ = {
        **os.environ,
        "ENDCAP_LOAD_ACKNOWLEDGED": str(state / "acknowledged"),
        "ENDCAP_LOAD_USERS": str(state / "users"),
        "ENDCAP_LOAD_ITEMS": str(state / "items"),
        "ENDCAP_LOAD_PER_SECOND": str(PER_SECOND),
    }
    options = ["--headless", "--only-summary", "--users", str(CONNECTIONS), "--spawn-rate", "8"]
    options += ["--run-time", f"{seconds:.0f}s", "--host", SERVICE, "--csv", str(state / "load")]
    locust = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", "benchmarks/load_users.py", *options],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    start, flipped, memory = time.monotonic(), 0, []
    while locust.poll() is None:
        passed = time.monotonic() - start
        memory.append((passed / 60, _resident_mib(pid)))
        if flipped < flips and passed >= (flipped + 0.5) * seconds / flips:
            _call("POST", f"/v1/models/{versions[flipped % 2]}/promote")
            flipped += 1
        time.sleep(2)
    served = _call("GET", "/v1/health/ready")
    print(f"{flipped} flips; at the end {served['status']}, serving {served['serving']}")
    return memory


def _report(state: Path, memory: list[tuple[float, float]]) -> None:
    with (state / "load_stats.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            print(
                f"  {row['Name']:<12}{row['Request Count']:>8} requests {row['Failure Count']:>4} "
                f"failed  p50 {row['50%']} ms  p99 {row['99%']} ms"
            )
    acknowledged = Counter((state / "acknowledged").read_text(encoding="utf-8").split())
    log = SegmentLog(state / "service" / "log")
    kept = Counter(record.fields["event_id"] for record in log.read(EVENTS, since_ms=0))
    lost = sum(event not in kept for event in acknowledged)
    twice = sum(kept[event] > 1 for event in acknowledged)
    print(f"  {len(acknowledged):,} events acknowledged, {lost} lost, {twice} in the log twice")
    minutes, mib = np.asarray(memory).T
    for low in np.quantile(minutes, [0.1, 0.5, 0.9]):
        near = np.abs(minutes - low) <= minutes[-1] / 10
        print(f"  resident around minute {low:.1f}: {np.median(mib[near]):.0f} MiB")
    print(f"  largest: {mib.max():.0f} MiB")


def _write_ids(lake: FolderLake, state: Path) -> None:
    with open_model(lake) as (_, model):
        items = [model.item_ids[code] for code in model.fill_order[:2_000].tolist()]
    (state / "items").write_text("\n".join(items), encoding="utf-8")
    (state / "users").write_text("\n".join(map(str, range(5_000))), encoding="utf-8")


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_KIB / 1024


def _wait_until_ready() -> None:
    for _ in range(600):
        time.sleep(0.1)
        try:
            if _call("GET", "/v1/health/ready").get("serving"):
                return
        except OSError:
            continue
    raise SystemExit("the service did not start")


def _call(method: str, path: str) -> Mapping[str, Any]:
    with urlopen(Request(SERVICE + path, method=method), timeout=30) as answer:  # noqa: S310
        fields: Mapping[str, Any] = json.loads(answer.read())
    return fields


if __name__ == "__main__":
    main()
