"""Measure each candidate source, and their union, on the real view sessions.

One visitor a session, in the file's order, events 17 s apart: the log behind the file spans about
130 days. The last 5,000 sessions are the test: every prefix asks for the next item, repeats
allowed, full catalogue; targets that training does not know are left out, as the published tables
do. Run from the project's root:

    .venv/bin/python -m benchmarks.retrieval_sources SESSIONS.txt.gz [--queries 3000]
        [--set als.factors=128 --set als.alpha=300 ...]
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.view_sessions import STEP_MS, TEST_SESSIONS, read_sessions
from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import EventTypes, Histories
from endcap.dataset.log import InteractionLog, from_events
from endcap.retrieval.source import Proposals
from endcap.retrieval.union import SOURCES, Candidates, propose_candidates

MAX_HISTORY = 50


@dataclass(frozen=True)
class Question:
    """Histories and the one item that came next in each."""

    histories: Histories
    target: NDArray[np.int32]


def training_log(
    sessions: list[NDArray[np.int64]],
) -> tuple[InteractionLog, int, NDArray[np.int64]]:
    """Return the log, its cut, and the table from the file's item numbers to codes."""
    sizes = np.array([len(session) for session in sessions])
    numbers = np.concatenate(sessions)
    codes = np.full(int(numbers.max()) + 1, -1, dtype=np.int64)
    distinct, first = np.unique(numbers, return_index=True)
    codes[distinct[np.argsort(first)]] = np.arange(len(distinct))
    user = np.repeat(np.arange(len(sessions)), sizes)
    time_ms = np.arange(len(numbers), dtype=np.int64) * STEP_MS
    log = from_events(
        user.astype(np.int32),
        codes[numbers].astype(np.int32),
        np.zeros(len(numbers), dtype=np.int8),
        time_ms,
        n_users=len(sessions),
        n_items=len(distinct),
    )
    return log, int(time_ms[-1]) + STEP_MS, codes


def questions(
    sessions: list[NDArray[np.int64]], codes: NDArray[np.int64], cut_ms: int, limit: int
) -> Question:
    """Return up to `limit` prefixes, drawn with a fixed seed, whose next item is known."""
    pairs = []
    for session in sessions:
        known = np.array([codes[i] if i < len(codes) else -1 for i in session], dtype=np.int32)
        pairs += [(known[max(0, n - MAX_HISTORY) : n], known[n]) for n in range(1, len(known))]
    pairs = [pair for pair in pairs if pair[1] >= 0]
    if limit < len(pairs):
        chosen = np.sort(np.random.default_rng(0).choice(len(pairs), limit, replace=False))
        pairs = [pairs[i] for i in chosen]
    sizes = np.array([len(prefix) for prefix, _ in pairs])
    ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    step = np.arange(ptr[-1]) - np.repeat(ptr[:-1], sizes)
    histories = Histories(
        ptr=ptr,
        item=np.concatenate([prefix for prefix, _ in pairs]),
        event_type=np.zeros(ptr[-1], dtype=np.int8),
        time_ms=cut_ms + step * STEP_MS,
        now_ms=cut_ms + sizes * STEP_MS,
    )
    return Question(histories, np.array([target for _, target in pairs], dtype=np.int32))


def quality(proposals: Proposals, target: NDArray[np.int32]) -> str:
    """Return HR@20, MRR@20, recall@100 and the recall of all that was proposed, as text."""
    hit = proposals.item == target[proposals.rows()]
    rank = proposals.ranks()[hit]
    n = len(target)
    return (
        f"HR@20 {np.sum(rank <= 20) / n:.4f}  MRR@20 {np.sum(1 / rank[rank <= 20]) / n:.4f}  "
        f"recall@100 {np.sum(rank <= 100) / n:.4f}  all {len(rank) / n:.4f}"
    )


def without_each(candidates: Candidates, target: NDArray[np.int32]) -> str:
    """Return how many targets the union holds, and how many without each source, as text."""
    hit = candidates.item == target[candidates.rows()]
    n, proposed = len(target), ~np.isnan(candidates.ranks)
    lines = [f"{'union':20}{hit.sum() / n:.4f}  candidates a visitor {len(hit) / n:.0f}"]
    for column, name in enumerate(SOURCES):
        left = np.delete(proposed, column, axis=1).any(axis=1)
        held, size = np.sum(hit & left) / n, left.sum() / n
        lines.append(f"{'- ' + name:20}{held:.4f}  candidates a visitor {size:.0f}")
    return "\n".join(lines)


def configuration(changes: list[str]) -> RetrievalConfig:
    """Return the defaults with ``section.key=value`` changes."""
    settings = RetrievalConfig().model_dump()
    for change in changes:
        path, value = change.split("=", 1)
        *sections, key = path.split(".")
        place = settings
        for section in sections:
            place = place[section]
        place[key] = json.loads(value)
    return RetrievalConfig.model_validate(settings)


def main() -> None:
    """Print one line a source and one for the union."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--queries", type=int, default=3000)
    parser.add_argument("--only", nargs="*", default=list(SOURCES))
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    config = configuration(arguments.changes)
    sessions = read_sessions(arguments.sessions)
    log, cut_ms, codes = training_log(sessions[:-TEST_SESSIONS])
    asked = questions(sessions[-TEST_SESSIONS:], codes, cut_ms, arguments.queries)
    print(f"{len(log):,} events, {log.n_items:,} items, {len(asked.target):,} queries")
    fitted = {}
    for name in arguments.only:
        started = time.perf_counter()
        fitted[name] = SOURCES[name].fit(
            log,
            cut_ms=cut_ms,
            event_weights=EventTypes().weight_array(),
            config=config,
            seed=42,
            threads=arguments.threads,
        )
        fit_seconds = time.perf_counter() - started
        started = time.perf_counter()
        proposals = fitted[name].propose(asked.histories, 100)
        batch_seconds = time.perf_counter() - started
        first = [asked.histories.slice(i, i + 1) for i in range(min(200, len(asked.target)))]
        started = time.perf_counter()
        for history in first:
            fitted[name].propose(history, 100)
        one_ms = (time.perf_counter() - started) / len(first) * 1000
        print(
            f"{name:17}{quality(proposals, asked.target)}  fit {fit_seconds:.1f} s  "
            f"batch {batch_seconds:.2f} s  one {one_ms:.2f} ms"
        )
    print(without_each(propose_candidates(fitted, asked.histories, config), asked.target))


if __name__ == "__main__":
    main()
