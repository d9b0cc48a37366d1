"""Time the prediction service on a lake's champion: in process, stage by stage, and over HTTP.

In process means everything but HTTP: history from SQLite, candidates, rules, features, ranking,
intervals, JSON, on one core. Side by side: the same candidates scored with catboost on a pandas
DataFrame, as `model.predict(frame)` would serve. Run from the project's root:

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python -m benchmarks.serving LAKE
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from api.service import answer_fields
from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.config_retrieval import MOST_HISTORY
from endcap.config_serving import ServingConfig
from endcap.errors import EndcapError
from endcap.features.matrix import feature_matrix
from endcap.features.registry import names
from endcap.retrieval.union import propose_candidates
from endcap.serving.requests import GivenEvent, GivenHistory, to_histories
from endcap.serving.wishes import Wish
from endcap.stages import STAGES
from endcap.use_cases.answer_visitors import Reception, Visit
from endcap.use_cases.champions import require_champion
from endcap.use_cases.live_models import LiveModel, LiveModels
from endcap.use_cases.runs import open_run
from endcap.use_cases.seed_histories import seed_histories

REQUESTS = 2_000
ROUNDS = 5
CATBOOST_REQUESTS = 200
MANY = 300
STEP = 5
SAMPLED = 5
CONNECTIONS = 4
HTTP_SECONDS = 15
PORT = 8765


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    args = parser.parse_args()
    lake = FolderLake(args.lake)
    cut_ms = require_champion(lake).cut_ms
    models = LiveModels(lake, clock=lambda: cut_ms)
    models.refresh()
    live = models.current
    if live is None:
        raise SystemExit(models.status.problem)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        history = SqliteHistory(state / "history.sqlite")
        n = seed_histories(lake, history)
        users = _users(state / "history.sqlite", REQUESTS)
        print(
            f"{live.model.n_items:,} items; {n:,} events in the histories; {len(users):,} visitors"
        )
        os.sched_setaffinity(0, {0})
        in_process(live, history, users, cut_ms)
        sizes = [len(_features(live, history, user, cut_ms)) for user in users]
        print(f"  candidates: fewest {min(sizes)}, median {np.median(sizes):.0f}")
        if np.median(sizes) < MANY:
            many, median = _with_candidates(live, history, users, cut_ms)
            print(f"\nthe same, filled up with popular items to {median:.0f} candidates (median):")
            in_process(many, history, users, cut_ms)
        beside_catboost(live, lake, history, users[:CATBOOST_REQUESTS], cut_ms)
        over_http(args.lake, state, users)
        history.close()


def _with_candidates(
    live: LiveModel, history: SqliteHistory, users: Sequence[str], cut_ms: int
) -> tuple[LiveModel, float]:
    """Return the model with so many popular items that the median request has `MANY` candidates."""
    config = live.model.config
    for n in range(config.retrieval.popular_candidates, MANY + 1, STEP):
        retrieval = config.retrieval.model_copy(update={"popular_candidates": n})
        model = replace(
            live.model, config=ServingConfig(features=config.features, retrieval=retrieval)
        )
        filled = replace(live, model=model)
        sizes = [len(_features(filled, history, user, cut_ms)) for user in users[::SAMPLED]]
        if np.median(sizes) >= MANY:
            break
    model.warm_up()
    return filled, float(np.median(sizes))


def in_process(live: LiveModel, history: SqliteHistory, users: Sequence[str], cut_ms: int) -> None:
    """Print the quantiles of whole requests, and each stage's share."""
    spent = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        spent[stage] += time.perf_counter() - start

    ids = count()
    desk = Reception(history, lambda: f"{next(ids):032x}", lambda: cut_ms, timed)

    def request(user: str) -> bytes:
        (answer,) = desk.answer([Visit(user, wish=Wish())], live)
        if isinstance(answer, EndcapError):
            raise answer
        return orjson.dumps(answer_fields(answer))

    rounds = []
    for _ in range(ROUNDS):
        spent.update(dict.fromkeys(STAGES, 0.0))
        rounds.append(_times(request, users))
    best = min(rounds, key=lambda times: float(np.median(times)))
    print(f"\nin process, one core, best of {ROUNDS} rounds of {len(users):,} requests")
    print(f"  p50 {1000 * np.median(best):.2f} ms, p99 {1000 * np.quantile(best, 0.99):.2f} ms")
    quickest = np.min(rounds, axis=0)
    print(f"  each visitor's quickest of {ROUNDS}: median {1000 * np.median(quickest):.2f} ms")
    total = rounds[-1].sum()
    for stage in STAGES:
        mean = 1000 * spent[stage] / len(users)
        print(f"  {stage:<10}{mean:>8.3f} ms {spent[stage] / total:>7.1%}")
    rest = total - sum(spent.values())
    print(f"  {'the rest':<10}{1000 * rest / len(users):>8.3f} ms {rest / total:>7.1%}")


def beside_catboost(
    live: LiveModel,
    lake: FolderLake,
    history: SqliteHistory,
    users: Sequence[str],
    cut_ms: int,
) -> None:
    """Print what scoring takes here, and with catboost on a DataFrame, for the same candidates."""
    import pandas as pd  # noqa: PLC0415 -- a serving process has neither
    from catboost import CatBoost  # noqa: PLC0415

    model = CatBoost()
    ranker = open_run(require_champion(lake).run_id, lake).ref("ranker")
    with lake.open(ranker.path) as folder:
        model.load_model(str(folder / "ranker.cbm"))
    columns = list(names())
    matrices = [_features(live, history, user, cut_ms) for user in users]
    print(f"  candidates a visitor: median {np.median([len(m) for m in matrices]):.0f}")
    ways: dict[str, Callable[[Any], Any]] = {
        "numpy trees (served)": live.model.scorer.predict,
        "catboost, float32 array": lambda matrix: model.predict(matrix, thread_count=1),
        "catboost, DataFrame": lambda matrix: model.predict(
            pd.DataFrame(matrix, columns=columns), thread_count=1
        ),
    }
    served = None
    for name, predict in ways.items():
        median = float(np.median(_times(predict, matrices)))
        served = served or median
        print(f"  {name:<26}{1000 * median:>8.3f} ms {median / served:>7.2f} x")
    gap = max(
        float(np.abs(live.model.scorer.predict(m) - model.predict(m)).max()) for m in matrices
    )
    print(f"  largest difference of a score: {gap:.1e}")


def over_http(lake: Path, state: Path, users: Sequence[str]) -> None:
    """Print requests a second of a server on core 0 asked from core 1, and their quantiles."""
    endcap = Path(sys.executable).with_name("endcap")
    command = ["serve", "--lake", str(lake), "--state", str(state), "--port", str(PORT)]
    server = subprocess.Popen(
        [endcap, *command, "--from-cut"],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ENDCAP_LOG_LEVEL": "WARNING"},
    )
    try:
        os.sched_setaffinity(server.pid, {0})
        os.sched_setaffinity(0, {1} if (os.cpu_count() or 1) > 1 else {0})
        _wait_until_ready()
        _ask(users[:100])
        start = time.perf_counter()
        times: list[float] = []
        parts = [users[place::CONNECTIONS] for place in range(CONNECTIONS)]
        threads = [
            threading.Thread(target=lambda part=part: times.extend(_ask_for(part, HTTP_SECONDS)))
            for part in parts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = len(times) / (time.perf_counter() - start)
        quantiles = [1000 * float(np.quantile(times, q)) for q in (0.5, 0.99)]
        print(f"\nover HTTP, server on one core, {CONNECTIONS} connections: {rate:.0f} requests/s")
        print(f"  p50 {quantiles[0]:.2f} ms, p99 {quantiles[1]:.2f} ms, {len(times):,} requests")
        alone = _ask(users[:500])
        print(f"  one connection: p50 {1000 * float(np.median(alone)):.2f} ms")
    finally:
        server.terminate()
        server.wait()


def _times(call: Callable[[Any], Any], inputs: Sequence[Any]) -> Any:  # noqa: ANN401
    times = []
    for given in inputs:
        start = time.perf_counter()
        call(given)
        times.append(time.perf_counter() - start)
    return np.asarray(times)


def _features(live: LiveModel, history: SqliteHistory, user: str, cut_ms: int) -> Any:  # noqa: ANN401
    model = live.model
    kept = history.read(user, limit=MOST_HISTORY)
    events = [GivenEvent(event.item_id, event.event_type, event.time_ms) for event in kept]
    histories = to_histories([GivenHistory(events, cut_ms)], model, default_now_ms=cut_ms)
    recent = histories.newest(model.config.retrieval.max_history)
    found = propose_candidates(model.sources, recent, model.config.retrieval)
    return feature_matrix(
        recent,
        found,
        model.items,
        model.config.features,
        model.event_weights,
    )


def _users(database: Path, n: int) -> list[str]:
    """Return visitors of the histories, evenly from all of them: most have one or two events."""
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT DISTINCT user_id FROM events ORDER BY user_id").fetchall()
    connection.close()
    users = [user for (user,) in rows]
    return users[:: max(1, len(users) // n)][:n]


def _wait_until_ready() -> None:
    for _ in range(600):
        time.sleep(0.1)
        try:
            connection = HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", "/v1/health/ready")
            answer = json.loads(connection.getresponse().read())
        except OSError:
            continue
        if answer.get("serving"):
            return
    raise SystemExit("the service did not start")


def _ask(users: Sequence[str]) -> list[float]:
    return list(_ask_for(users, float("inf"), rounds=1))


def _ask_for(users: Sequence[str], seconds: float, rounds: int | None = None) -> Iterator[float]:
    connection = HTTPConnection("127.0.0.1", PORT, timeout=30)
    end = time.perf_counter() + seconds
    for turn in count():
        if turn == rounds:
            return
        for user in users:
            start = time.perf_counter()
            if start > end:
                return
            connection.request("GET", f"/v1/users/{user}/recommendations")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"HTTP {answer.status}")
            yield time.perf_counter() - start


if __name__ == "__main__":
    main()
