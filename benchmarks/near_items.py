"""How much of a source's exact best is found near what a visitor touched last: LAKE."""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.histories import Histories
from endcap.retrieval.als import AlsSource
from endcap.retrieval.near_items import listed_visitors
from endcap.retrieval.sequence import SequenceSource
from endcap.use_cases.champions import open_model, require_champion
from endcap.use_cases.clean_log import read_log
from endcap.use_cases.publish_recommendations import histories_of, newest_users
from endcap.use_cases.runs import open_run

VISITORS: Final = 1_500
NEWEST: Final = 20_000
ASKED: Final = {AlsSource.name: (20, 100), SequenceSource.name: (20,)}
"""Of each source, how many of the exact best are looked for; the last is what serving asks for."""


def main() -> None:
    """Print the shares that are found, and the time of one visitor's proposals, side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path)
    lake = FolderLake(parser.parse_args().lake)
    champion = require_champion(lake)
    log = read_log(open_run(champion.run_id, lake), before_ms=champion.cut_ms)
    users = np.random.default_rng(0).choice(newest_users(log, NEWEST), VISITORS, replace=False)
    histories = histories_of(log, users, now_ms=champion.cut_ms)
    with open_model(lake) as (_, model):
        for name, asked in ASKED.items():
            source = model.sources[name]
            assert isinstance(source, AlsSource | SequenceSource)  # noqa: S101
            compare(source, histories, asked)


def compare(
    source: AlsSource | SequenceSource, histories: Histories, asked: tuple[int, ...]
) -> None:
    """Print what the lists of one source find."""
    whole = replace(source, near=np.zeros((0, 0), dtype=np.uint16))
    is_listed = listed_visitors(histories, source._row_of_item, len(source.near)).is_listed
    print(f"{source.name}: the newest items of {is_listed.mean():.3f} of the visitors have lists")
    near, exact = (one.propose(histories, asked[-1]) for one in (source, whole))
    for k in asked:
        found = [
            np.isin(best, near.item[near.ptr[q] : near.ptr[q + 1]]).mean()
            for q in range(len(histories))
            if len(best := exact.item[exact.ptr[q] : exact.ptr[q + 1]][:k])
        ]
        print(f"of the exact best {k}: {np.mean(found):.4f} found, {len(found):,} visitors")
    for name, one in (("near", source), ("all", whole)):
        seconds = []
        for q in range(400):
            visitor = histories.slice(q, q + 1)
            start = time.perf_counter()
            one.propose(visitor, asked[-1])
            seconds.append(time.perf_counter() - start)
        print(f"{name:5} {1000 * np.median(seconds):.2f} ms a visitor in the median")


if __name__ == "__main__":
    main()
