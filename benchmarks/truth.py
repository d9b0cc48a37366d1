"""What share of what can be known the whole recommends, on a shop whose truth is known.

A shop of 10,000 active items is simulated; the last `HELD_OUT_DAYS` are held out. ``endcap run``
trains on the rest and ``endcap batch --include-seen`` answers moments before held-out views: what
the visitor did so far, and now. The oracle ranks the same items by their true probability to be
looked at next, knowing every interest and transition: no recommender can expect more. Popularity
and ALS are the sources of the same model. Run from the project's root:

    .venv/bin/python -m benchmarks.truth [--work .bench/truth] [--seed 42]
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import Measured, ratio_interval, run_endcap
from benchmarks.view_sessions import Prefixes
from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.histories import Histories
from endcap.serving.model import ServingModel
from endcap.simulator.scales import DAY_MS, DEMO, HOUR_MS, Scale
from endcap.simulator.shop import simulate
from endcap.simulator.truth import Oracle
from endcap.use_cases.champions import open_model

SHOP: Final[Scale] = replace(
    DEMO,
    name="truth",
    views=250_000,
    carts=15_000,
    transactions=5_500,
    visitors=22_000,
    bots=0,
    duplicates=0,
    active_items=10_000,
    property_items=15_000,
    property_rows=360_000,
    malformed_share=0.0,
)
HELD_OUT_DAYS: Final = 5
MOMENTS: Final = 5000
K: Final = 20
BESIDE: Final = {"ALS": "als", "popularity": "popularity"}
"""What is shown -> the source whose list is measured."""


@dataclass(frozen=True)
class Event:
    """A row of the log."""

    time_ms: int
    visitor: int
    kind: str
    item: int


@dataclass(frozen=True)
class Moment:
    """A visitor about to look at `target`; `past` is all that was done before, oldest first."""

    past: list[Event]
    target: Event

    @property
    def opens_session(self) -> bool:
        """Whether the visitor comes back: sessions lie an hour apart at least."""
        return self.target.time_ms - self.past[-1].time_ms >= HOUR_MS

    @property
    def now_ms(self) -> int:
        """When the recommendation is for: the page after the last event, or the return."""
        return self.target.time_ms if self.opens_session else self.past[-1].time_ms


def prepare(work: Path, seed: int) -> tuple[Oracle, list[Moment], NDArray[np.int64]]:
    """Simulate, hold out, and write the log to train on; also return the items that are in it."""
    whole, raw = work / "shop", work / "raw"
    simulate(whole, scale=SHOP, seed=seed)
    cut_ms = SHOP.end_ms - HELD_OUT_DAYS * DAY_MS
    raw.mkdir(parents=True, exist_ok=True)
    with (
        (whole / "events.csv").open(encoding="ascii") as lines,
        (raw / "events.csv").open("w", encoding="ascii") as kept,
    ):
        kept.write(next(lines))
        kept.writelines(line for line in lines if int(line.split(",", 1)[0]) < cut_ms)
    for file in (*whole.glob("item_properties_part*.csv"), whole / "category_tree.csv"):
        (raw / file.name).unlink(missing_ok=True)
        (raw / file.name).symlink_to(file.resolve())
    events = list(read_events(whole / "events.csv"))
    known = np.unique([event.item for event in events if event.time_ms < cut_ms])
    return Oracle.load(whole / "truth"), moments_of(events, cut_ms, set(known.tolist())), known


def read_events(file: Path) -> Iterator[Event]:
    """Yield the log's rows in order."""
    with file.open(newline="", encoding="ascii") as stream:
        rows = csv.reader(stream)
        next(rows)
        for time_ms, visitor, kind, item, _ in rows:
            yield Event(int(time_ms), int(visitor), kind, int(item))


def moments_of(events: list[Event], cut_ms: int, known: set[int]) -> list[Moment]:
    """Return some of the moments before held-out views of known items, spread over all of them."""
    by_visitor: Mapping[int, list[Event]] = defaultdict(list)
    found = []
    for event in events:
        past = by_visitor[event.visitor]
        seen = any(earlier.kind == "view" for earlier in past)
        if event.kind == "view" and event.time_ms >= cut_ms and event.item in known and seen:
            found.append(Moment(past.copy(), event))
        past.append(event)
    chosen = np.linspace(0, len(found), min(MOMENTS, len(found)), endpoint=False).astype(int)
    return [found[number] for number in chosen]


def write_requests(moments: list[Moment], file: Path) -> None:
    """Write one line a moment for ``endcap batch``."""
    with file.open("w", encoding="ascii") as stream:
        for number, moment in enumerate(moments):
            events = [
                {"item_id": str(one.item), "event_type": one.kind, "event_time": one.time_ms}
                for one in moment.past
            ]
            stream.write(json.dumps({"id": number, "events": events, "now": moment.now_ms}) + "\n")


def as_prefixes(moments: list[Moment]) -> Prefixes:
    """Return the moments as `benchmarks.quality` reads them, grouped by visitor."""
    visitors, group = np.unique([one.target.visitor for one in moments], return_inverse=True)
    return Prefixes(
        sessions=[np.zeros(0, dtype=np.int64)] * len(visitors),
        session=group.astype(np.int64),
        length=np.array([len(one.past) for one in moments]),
        target=np.array([one.target.item for one in moments]),
    )


def ask_oracle(oracle: Oracle, moments: list[Moment], known: NDArray[np.int64]) -> Measured:
    """Rank the known items by their true probability."""
    index = {item: place for place, item in enumerate(oracle.item_ids.tolist())}
    is_known = np.isin(oracle.item_ids, known)
    ranks = np.zeros(len(moments), dtype=np.int64)
    for number, moment in enumerate(moments):
        chance = oracle.next_view(
            moment.target.visitor,
            [index[one.item] for one in moment.past if one.kind == "view"],
            now_ms=moment.target.time_ms,
            opens_session=moment.opens_session,
        )
        chance[~is_known] = -1.0
        target = index[moment.target.item]
        before = (chance > chance[target]).sum() + (chance[:target] == chance[target]).sum()
        ranks[number] = before + 1
    return Measured("true probability", ranks, float("nan"))


def ask_source(name: str, model: ServingModel, moments: list[Moment]) -> Measured:
    """Return where one of the model's own sources puts the next item."""
    code = {item: place for place, item in enumerate(model.item_ids)}
    kinds = {kind: place for place, kind in enumerate(model.event_types.names)}
    recent = [moment.past[-model.config.retrieval.max_history :] for moment in moments]
    flat = [one for past in recent for one in past]
    histories = Histories(
        ptr=np.cumsum([0, *map(len, recent)]).astype(np.int64),
        item=np.array([code.get(str(one.item), -1) for one in flat], dtype=np.int32),
        event_type=np.array([kinds[one.kind] for one in flat], dtype=np.int8),
        time_ms=np.array([one.time_ms for one in flat], dtype=np.int64),
        now_ms=np.array([moment.now_ms for moment in moments], dtype=np.int64),
    )
    found = model.sources[BESIDE[name]].propose(histories, K)
    target = np.array([code[str(one.target.item)] for one in moments])
    hit = found.item == target[found.rows()]
    ranks = np.zeros(len(moments), dtype=np.int64)
    ranks[found.rows()[hit]] = found.ranks()[hit]
    return Measured(name, ranks, float("nan"))


def ndcg(found: Measured) -> NDArray[np.float64]:
    """Return ``1 / log2(rank + 1)`` of each moment, 0 past the first 20, float64 (n,)."""
    gain: NDArray[np.float64] = found.hits() / np.log2(np.maximum(found.ranks, 1) + 1)
    return gain


def describe(systems: list[Measured], visitor: NDArray[np.int64]) -> str:
    """Return each system's figures, and their shares of the last one's, which is the ceiling."""
    ceiling = systems[-1]
    lines = [f"{'':18}{'HR@20':>8}{'NDCG@20':>9}{'share of HR':>26}{'share of NDCG':>26}"]
    for one in systems:
        line = f"{one.name:18}{one.hits().mean():8.4f}{ndcg(one).mean():9.4f}"
        for ours, best in ((one.hits(), ceiling.hits()), (ndcg(one), ndcg(ceiling))):
            share, low, high = ratio_interval(ours, best, visitor)
            line += f"{share:9.3f} [{low:.3f}, {high:.3f}]"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Simulate, train, answer, ask the oracle, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".bench/truth"))
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    work: Path = arguments.work
    oracle, moments, known = prepare(work, arguments.seed)
    write_requests(moments, work / "requests.jsonl")
    asked = as_prefixes(moments)
    visitors = len(asked.sessions)
    print(f"{len(moments):,} held-out views of {visitors:,} visitors, {len(known):,} items")
    ours = run_endcap(
        "endcap",
        raw=work / "raw",
        requests=work / "requests.jsonl",
        asked=asked,
        work=work,
        settings={},
    )
    with open_model(FolderLake(work / "endcap-lake")) as (_, model):
        beside = [ask_source(name, model, moments) for name in BESIDE]
    ceiling = ask_oracle(oracle, moments, known)
    print(f"trained in {ours.seconds:.0f} s, {ours.peak_mib:.0f} MiB in the largest process")
    print(describe([*beside, ours, ceiling], asked.session))


if __name__ == "__main__":
    main()
