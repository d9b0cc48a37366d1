"""The files of a shop: RetailRocket's four, and the impressions."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.simulator.catalogue import Catalogue
from endcap.simulator.category_tree import CategoryTree
from endcap.simulator.event_log import EVENT_NAMES, EventLog
from endcap.simulator.impressions import Impressions
from endcap.simulator.malformed import (
    EVENT_MUTILATIONS,
    PROPERTY_MUTILATIONS,
    BrokenRows,
    Mutilation,
    mutilate,
    plan_broken_rows,
)
from endcap.simulator.properties import PropertyPlan, property_rows
from endcap.simulator.shelf import Shelf
from endcap.simulator.writing import LineFile, csv_lines, insert_lines

EVENTS: Final = "events.csv"
CATEGORIES: Final = "category_tree.csv"
IMPRESSIONS: Final = "impressions.csv"
PROPERTY_PARTS: Final = ("item_properties_part1.csv", "item_properties_part2.csv")
_PART_1_SHARE: Final = 0.5425
_CHUNK: Final = 500_000


def write_events(
    out: Path,
    log: EventLog,
    catalogue: Catalogue,
    visitor_ids: NDArray[np.int64],
    malformed_share: float,
    rng: np.random.Generator,
) -> BrokenRows:
    """Write ``events.csv`` and return the broken rows put into it."""
    broken = plan_broken_rows(len(log), malformed_share, EVENT_MUTILATIONS, rng)
    names = pa.array(EVENT_NAMES)
    with LineFile(out / EVENTS, "timestamp,visitorid,event,itemid,transactionid") as file:
        for start in range(0, len(log), _CHUNK):
            rows = slice(start, start + _CHUNK)
            transaction = log.transaction[rows]
            lines = csv_lines(
                [
                    log.time_ms[rows],
                    visitor_ids[log.visitor[rows]],
                    names.take(pa.array(log.kind[rows])),
                    catalogue.ids[log.item[rows]],
                    pa.array(transaction, mask=transaction < 0),
                ]
            )
            here = broken.within(start, start + len(lines))
            file.write(_with_broken_rows(lines, here, EVENT_MUTILATIONS))
    return broken


def write_categories(out: Path, tree: CategoryTree, rng: np.random.Generator) -> None:
    """Write ``category_tree.csv`` in random order; a root has no parent."""
    order = rng.permutation(len(tree.ids))
    parents = pa.array(tree.parent_ids, pa.int64()).take(pa.array(order))
    with LineFile(out / CATEGORIES, "categoryid,parentid") as file:
        file.write(csv_lines([tree.ids[order], parents]))


def write_impressions(
    out: Path, shown: Impressions, catalogue: Catalogue, visitor_ids: NDArray[np.int64]
) -> None:
    """Write ``impressions.csv``: one row an item shown."""
    header = "impressionid,timestamp,visitorid,contextitemid,position,itemid,clicked"
    with LineFile(out / IMPRESSIONS, header) as file:
        if not len(shown.item):
            return
        file.write(
            csv_lines(
                [
                    shown.slate,
                    shown.time_ms,
                    visitor_ids[shown.visitor],
                    catalogue.ids[shown.context],
                    shown.position,
                    catalogue.ids[shown.item],
                    shown.clicked.astype(np.int64),
                ]
            )
        )


def write_properties(
    out: Path,
    catalogue: Catalogue,
    shelf: Shelf,
    plan: PropertyPlan,
    malformed_share: float,
    rng: np.random.Generator,
    on_share: Callable[[float], None],
) -> tuple[int, dict[str, BrokenRows]]:
    """Write both property files; return the well-formed rows and the broken rows of each file."""
    total = plan.total(shelf)
    first_part = round(total * _PART_1_SHARE)
    sizes = (first_part, total - first_part)
    broken = {
        name: plan_broken_rows(size, malformed_share, PROPERTY_MUTILATIONS, rng)
        for name, size in zip(PROPERTY_PARTS, sizes, strict=True)
    }
    header, part, row = "timestamp,itemid,property,value", 0, 0
    files = [LineFile(out / name, header) for name in PROPERTY_PARTS]
    with files[0], files[1]:
        for block in property_rows(catalogue, shelf, plan):
            lines = block
            while len(lines):
                taken = min(len(lines), sizes[0] - row) if part == 0 else len(lines)
                here = broken[PROPERTY_PARTS[part]].within(row, row + taken)
                files[part].write(_with_broken_rows(lines[:taken], here, PROPERTY_MUTILATIONS))
                lines, row = lines[taken:], row + taken
                if part == 0 and row == sizes[0]:
                    part, row = 1, 0
            on_share((row + part * sizes[0]) / total)
    return row + part * sizes[0], broken


def write_malformed(path: Path, broken: dict[str, BrokenRows]) -> None:
    """Write which rows of which file are broken, and how."""
    with LineFile(path, "file,row_number,kind") as file:
        for name, rows in broken.items():
            if rows.kinds:
                file.write(csv_lines([name, rows.row_numbers, pa.array(rows.kinds)]))


def _with_broken_rows(
    lines: pa.Array, broken: BrokenRows, mutilations: Mapping[str, Mutilation]
) -> pa.Array:
    if not broken.kinds:
        return lines
    whole = lines.take(pa.array(broken.before)).to_pylist()
    return insert_lines(lines, mutilate(whole, broken.kinds, mutilations), broken.before)
