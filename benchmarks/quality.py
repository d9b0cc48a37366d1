"""How well the whole recommends on the real view sessions, beside a tuned session-kNN.

The last 5,000 sessions are the test; all before them become a raw log. ``endcap run`` trains on it
with the default settings and ``endcap batch --include-seen`` answers every prefix of the test whose
next item training knows: nothing else touches the model. In the same run a session-kNN is tuned on
the 5,000 sessions before the test, and a second ``endcap run`` ranks the candidates of ALS alone.
Run from the project's root:

    .venv/bin/python -m benchmarks.quality SESSIONS.txt.gz [--work .bench/quality] [--skip-als]
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.session_knn import SessionKnn, ranks, tune
from benchmarks.view_sessions import (
    TEST_SESSIONS,
    Prefixes,
    Session,
    prefixes,
    read_ranks,
    read_sessions,
    write_log,
    write_requests,
)
from endcap.config_retrieval import QuotaConfig

K: Final = 20
CEILING_AT: Final = 200
TUNING_PREFIXES: Final = 3000
BOOTSTRAP_SAMPLES: Final = 2000
ALS_ALONE: Final = {
    "popular_candidates": 0,
    "quotas": {name: 200 * (name == "als") for name in QuotaConfig.model_fields},
}
ENDCAP: Final = (sys.executable, "-c", "from infra_local.cli import main; main()")


@dataclass(frozen=True)
class Measured:
    """One system: each prefix's rank of the target (0 if missed), seconds, peak memory in MiB."""

    name: str
    ranks: NDArray[np.int64]
    seconds: float
    peak_mib: float = float("nan")

    def hits(self, k: int = K) -> NDArray[np.float64]:
        """Return 1 for each prefix whose target is among the first `k`, float64 (n,)."""
        return ((self.ranks > 0) & (self.ranks <= k)).astype(np.float64)

    def reciprocal(self) -> NDArray[np.float64]:
        """Return the reciprocal rank of each prefix's target, 0 past the first 20."""
        return self.hits() / np.maximum(self.ranks, 1)


def run_endcap(
    name: str,
    *,
    raw: Path,
    requests: Path,
    asked: Prefixes,
    work: Path,
    settings: Mapping[str, object],
) -> Measured:
    """Train on `raw` with `settings` and answer `requests`, both through the command line."""
    lake, answers, config = work / f"{name}-lake", work / f"{name}.jsonl", work / f"{name}.json"
    shutil.rmtree(lake, ignore_errors=True)
    config.write_text(json.dumps(settings), encoding="utf-8")
    started = time.perf_counter()
    subprocess.run(
        [*ENDCAP, "run", "--raw", raw, "--lake", lake, "--config", config],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    newest = max((lake / "runs").glob("*/report.json"))
    report = json.loads(newest.read_text(encoding="utf-8"))
    subprocess.run(
        [
            *(*ENDCAP, "batch", "--lake", lake, "--input", requests, "--output", answers),
            # A model that the gate kept from promotion, as it does ALS alone, is measured too.
            *("--k", str(CEILING_AT), "--include-seen", "--model", report["gate"]["version"]),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    peak = max(state["peak_memory_mib"] or 0.0 for state in report["states"])
    return Measured(name, read_ranks(answers, asked), seconds, peak)


def run_session_knn(sessions: list[Session], asked: Prefixes) -> tuple[Measured, str]:
    """Tune on the sessions just before the test, then answer it; also return what was chosen."""
    started = time.perf_counter()
    train = sessions[:-TEST_SESSIONS]
    older, newer = train[:-TEST_SESSIONS], train[-TEST_SESSIONS:]
    judged = _thinned(prefixes(newer, known=np.unique(np.concatenate(older))))
    params = tune(SessionKnn.fit(older), judged)
    found = ranks(SessionKnn.fit(train), asked, params)
    return Measured("session-kNN", found, time.perf_counter() - started), str(params)


def _thinned(asked: Prefixes) -> Prefixes:
    if len(asked) <= TUNING_PREFIXES:
        return asked
    chosen = np.sort(np.random.default_rng(0).choice(len(asked), TUNING_PREFIXES, replace=False))
    return Prefixes(
        asked.sessions, asked.session[chosen], asked.length[chosen], asked.target[chosen]
    )


def ratio_interval(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], session: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Return the ratio of two means and its 95 % interval, sessions drawn with replacement."""
    n = int(session.max()) + 1
    top, bottom = (np.bincount(session, weights=part, minlength=n) for part in (ours, theirs))
    drawn = np.random.default_rng(0).integers(0, n, (BOOTSTRAP_SAMPLES, n))
    low, high = np.quantile(top[drawn].sum(axis=1) / bottom[drawn].sum(axis=1), [0.025, 0.975])
    return float(top.sum() / bottom.sum()), float(low), float(high)


def describe(systems: list[Measured], session: NDArray[np.int64]) -> str:
    """Return the table of all systems, the ratios of the first to the others, and the bars."""
    lines = [f"{'':22}{'HR@20':>8}{'MRR@20':>8}{'HR@200':>8}{'seconds':>9}{'peak MiB':>10}"]
    lines += [
        f"{one.name:22}{one.hits().mean():8.4f}{one.reciprocal().mean():8.4f}"
        f"{one.hits(CEILING_AT).mean():8.4f}{one.seconds:9.0f}{one.peak_mib:10.0f}"
        for one in systems
    ]
    ours, knn, *rivals = systems
    bars = [
        ("HR@20 / session-kNN", ours.hits(), knn.hits(), 1.09),
        ("MRR@20 / session-kNN", ours.reciprocal(), knn.reciprocal(), 1.18),
    ]
    for rival in rivals:
        bars.append((f"HR@20 / {rival.name}", ours.hits(), rival.hits(), 1.0))
        bars.append((f"MRR@20 / {rival.name}", ours.reciprocal(), rival.reciprocal(), 1.0))
    lines.append(f"{'':32}{'measured':>9}{'95 % interval':>18}{'bar':>7}")
    for name, left, right, bar in bars:
        ratio, low, high = ratio_interval(left, right, session)
        interval, met = f"[{low:.3f}, {high:.3f}]", "met" if ratio >= bar else "missed"
        lines.append(f"{name:32}{ratio:9.3f}{interval:>18}{bar:7.2f}  {met}")
    ceiling = float(ours.hits(CEILING_AT).mean())
    met = "met" if ceiling >= 0.78 else "missed"
    lines.append(f"{'candidate ceiling at 200':32}{ceiling:9.3f}{'':18}{0.78:7.2f}  {met}")
    return "\n".join(lines)


def main() -> None:
    """Prepare the files, run the three systems, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".bench/quality"))
    parser.add_argument("--skip-als", action="store_true", help="leave ALS -> YetiRank out")
    arguments = parser.parse_args()
    if not arguments.sessions.is_file():
        parser.exit(0, f"{arguments.sessions} is not here: nothing measured\n")
    work: Path = arguments.work
    raw, requests = work / "raw", work / "requests.jsonl"
    sessions = read_sessions(arguments.sessions)
    train, test = sessions[:-TEST_SESSIONS], sessions[-TEST_SESSIONS:]
    asked = prefixes(test, known=np.unique(np.concatenate(train)))
    write_requests(asked, requests, start_ms=write_log(train, raw))
    print(f"{len(train):,} training sessions, {len(asked):,} prefixes", flush=True)
    knn, chosen = run_session_knn(sessions, asked)
    print(f"session-kNN: {chosen}", flush=True)
    runs: dict[str, Mapping[str, object]] = {"endcap": {}}
    if not arguments.skip_als:
        runs["ALS to YetiRank"] = {"retrieval": ALS_ALONE}
    systems = [
        run_endcap(name, raw=raw, requests=requests, asked=asked, work=work, settings=settings)
        for name, settings in runs.items()
    ]
    print(describe([systems[0], knn, *systems[1:]], asked.session))


if __name__ == "__main__":
    main()
