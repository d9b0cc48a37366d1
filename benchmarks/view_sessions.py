"""The real view sessions: as a raw log to train on, and as the questions that come after it.

One visitor a session, in the file's order, events 17 s apart: the log behind the file spans about
130 days.
"""

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STEP_MS = 17_000
FIRST_MS = 1_430_622_000_000
TEST_SESSIONS = 5000
Session = NDArray[np.int64]
EVENT_COLUMNS = ("timestamp", "visitorid", "event", "itemid", "transactionid")


@dataclass(frozen=True)
class Prefixes:
    """Every proper prefix of some sessions whose next item is known.

    Prefix q is the first ``length[q]`` items of ``sessions[session[q]]``, and `target` came next.
    `session`, `length`, `target` int64 (n,).
    """

    sessions: Sequence[Session]
    session: NDArray[np.int64]
    length: NDArray[np.int64]
    target: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of prefixes."""
        return len(self.target)

    def items(self, query: int) -> Session:
        """Return the items of one prefix, oldest first."""
        return self.sessions[int(self.session[query])][: int(self.length[query])]


def read_sessions(path: Path) -> list[Session]:
    """Return the sessions, oldest first, each an array of the file's item numbers."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        return [np.array(line.split(), dtype=np.int64) for line in lines]


def prefixes(sessions: Sequence[Session], *, known: NDArray[np.int64]) -> Prefixes:
    """Return the prefixes of all sessions, those left out whose next item is not in `known`."""
    sizes = np.array([max(len(session) - 1, 0) for session in sessions])
    session = np.repeat(np.arange(len(sessions)), sizes)
    length = np.arange(1, sizes.sum() + 1) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    target = np.concatenate([session[1:] for session in sessions])
    kept = np.isin(target, known)
    return Prefixes(sessions, session[kept], length[kept], target[kept])


def write_log(sessions: Sequence[Session], folder: Path) -> int:
    """Write ``events.csv`` in RetailRocket's columns and return the moment after its last event."""
    folder.mkdir(parents=True, exist_ok=True)
    time_ms = FIRST_MS
    with (folder / "events.csv").open("w", encoding="ascii", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(EVENT_COLUMNS)
        for visitor, session in enumerate(sessions):
            for item in session.tolist():
                writer.writerow((time_ms, visitor, "view", item, ""))
                time_ms += STEP_MS
    return time_ms


def write_requests(asked: Prefixes, file: Path, *, start_ms: int) -> None:
    """Write one line a prefix for ``endcap batch``; the sessions go on where the log ends."""
    sizes = np.array([len(session) for session in asked.sessions])
    opens = start_ms + (np.cumsum(sizes) - sizes) * STEP_MS
    with file.open("w", encoding="ascii") as stream:
        for query in range(len(asked)):
            time_ms = int(opens[asked.session[query]])
            events = [
                {
                    "item_id": str(item),
                    "event_type": "view",
                    "event_time": time_ms + step * STEP_MS,
                }
                for step, item in enumerate(asked.items(query).tolist())
            ]
            stream.write(json.dumps({"id": query, "events": events}) + "\n")


def read_ranks(file: Path, asked: Prefixes) -> NDArray[np.int64]:
    """Return the place of each prefix's target in its answer, from 1; 0 if it is not there."""
    ranks = np.zeros(len(asked), dtype=np.int64)
    with file.open(encoding="utf-8") as lines:
        for query, line in enumerate(lines):
            target = str(asked.target[query])
            for place in json.loads(line)["items"]:
                if place["item_id"] == target:
                    ranks[query] = place["rank"]
                    break
    return ranks
