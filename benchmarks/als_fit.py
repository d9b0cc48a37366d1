"""ALS as a run fits it, beside calling implicit by hand on the same matrix.

64 factors, 15 iterations, the log of a full-size lake up to its end, the same number of threads.
By hand: the matrix lies ready, of the same visitors, and ``fit`` is called with BLAS held to one
thread, as implicit asks for. Ours: `AlsSource.fit`, from the log to the index that is saved, lists
of near items included. Each fit has a process of its own, the two take turns. Run from the
project's root:

    .venv/bin/python -m benchmarks.als_fit LAKE [--rounds 3] [--factors 64] [--iterations 15]
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import coo_matrix
from threadpoolctl import threadpool_limits

import endcap.retrieval.als as als_room
from endcap.adapters.folder_lake import FolderLake
from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.log import InteractionLog
from endcap.retrieval.als import AlsSource
from endcap.use_cases.clean_log import read_event_types, read_log
from endcap.use_cases.folds import SERVING
from endcap.use_cases.runs import Run, open_run

GOAL: Final = 1.2
SEED: Final = 42
PARTS: Final = ("fit_item_factors", "list_near_items")
"""Steps of ours that are timed alone."""


@dataclass(frozen=True)
class Job:
    """What a process does."""

    is_ours: bool
    lake: Path
    config: AlsConfig
    threads: int


@dataclass
class Fitted:
    """What a fit took: seconds, those of all processors, and of its parts; MiB.

    The memory is that before the fit, with the log read, and at the peak. On a machine with other
    work the processors' seconds are what can be compared.
    """

    seconds: float
    processor_seconds: float
    before_mib: float
    peak_mib: float
    parts: dict[str, float] = field(default_factory=dict)


def newest_run(lake: FolderLake) -> Run:
    """Return the run that was started last."""
    runs = {path.split("/")[1] for path in lake.list_objects("runs") if path.endswith("/run.json")}
    return open_run(max(runs), lake)


def peak_mib() -> float:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def timed_parts(parts: dict[str, float]) -> Iterator[None]:
    """Note how long each of `PARTS` takes within the context."""

    def timed(name: str) -> None:
        whole = getattr(als_room, name)

        def call(*given: object, **named: object) -> object:
            started = time.perf_counter()
            try:
                return whole(*given, **named)
            finally:
                parts[name] = time.perf_counter() - started

        setattr(als_room, name, call)

    for name in PARTS:
        timed(name)
    yield


def fit_ours(log: InteractionLog, weights: np.ndarray, cut_ms: int, job: Job) -> Fitted:
    """Fit the source as `TrainRetrieval` does."""
    parts: dict[str, float] = {}
    before = peak_mib()
    with timed_parts(parts):
        started, used = time.perf_counter(), time.process_time()
        AlsSource.fit(
            log,
            cut_ms=cut_ms,
            event_weights=weights,
            config=RetrievalConfig(als=job.config),
            seed=SEED,
            threads=job.threads,
        )
        seconds, used = time.perf_counter() - started, time.process_time() - used
    return Fitted(seconds, used, before, peak_mib(), parts)


def fit_by_hand(log: InteractionLog, weights: np.ndarray, job: Job) -> Fitted:
    """Call implicit on the matrix."""
    shape, weight = (log.n_users, log.n_items), weights[log.event_type].astype(np.float32)
    matrix = coo_matrix((weight, (log.user, log.item)), shape=shape).tocsr()
    events = np.bincount(log.user[weight > 0], minlength=log.n_users)
    matrix = matrix[events >= job.config.min_user_events]
    before = peak_mib()
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=job.config.factors,
            iterations=job.config.iterations,
            regularization=job.config.regularization,
            alpha=job.config.alpha,
            dtype=np.float32,
            num_threads=job.threads,
            random_state=SEED,
        )
        started, used = time.perf_counter(), time.process_time()
        model.fit(matrix, show_progress=False)
        seconds, used = time.perf_counter() - started, time.process_time() - used
    return Fitted(seconds, used, before, peak_mib())


def work(job: Job) -> Fitted:
    """Read the log and fit, in a process of its own."""
    run = newest_run(FolderLake(job.lake))
    cut_ms = run.fold(SERVING).cut_ms
    log, weights = read_log(run, before_ms=cut_ms), read_event_types(run).weight_array()
    return fit_ours(log, weights, cut_ms, job) if job.is_ours else fit_by_hand(log, weights, job)


def main() -> None:
    """Take turns, print each round and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    config = AlsConfig(factors=given.factors, iterations=given.iterations)
    fresh = multiprocessing.get_context("spawn")
    found: dict[bool, list[Fitted]] = {False: [], True: []}
    for number in range(given.rounds):
        for is_ours in (False, True) if number % 2 == 0 else (True, False):
            with fresh.Pool(1) as pool:
                done = pool.apply(work, (Job(is_ours, given.lake, config, given.threads),))
            found[is_ours].append(done)
            parts = "".join(f", {name} {seconds:.1f}" for name, seconds in done.parts.items())
            name = "endcap" if is_ours else "by hand"
            print(
                f"round {number + 1}, {name:8}{done.seconds:7.1f} s, "
                f"{done.processor_seconds:7.1f} of processors, {done.before_mib:6.0f} MiB "
                f"before, {done.peak_mib:6.0f} at the peak{parts}",
                flush=True,
            )
    ours, hand = found[True], found[False]
    seconds = median(one.seconds for one in hand)
    used = median(one.processor_seconds for one in hand)
    for name, ratio in (
        ("factors alone", median(one.parts["fit_item_factors"] for one in ours) / seconds),
        ("the whole source", median(one.seconds for one in ours) / seconds),
        ("its processor time", median(one.processor_seconds for one in ours) / used),
    ):
        met = "met" if ratio <= GOAL else "missed"
        print(f"{name:20}{ratio:6.2f} times implicit by hand, goal {GOAL}: {met}")


if __name__ == "__main__":
    main()
