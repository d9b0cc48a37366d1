"""The category tree: one parent a category, cycles and orphans reported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from endcap.columns import CATEGORY_ID, PARENT_ID
from endcap.dataset.interactions import write_table

CATEGORIES: Final = pa.schema([(CATEGORY_ID, pa.string()), (PARENT_ID, pa.string())])


@dataclass(frozen=True)
class TreeFaults:
    """Categories that a reader of the tree must be ready for. All of them stay in the table.

    `own_parent`: a category that is its own parent; `in_cycle`: on a longer loop of parents;
    `orphans`: whose parent is not in the tree. Each sorted.
    """

    own_parent: tuple[str, ...]
    in_cycle: tuple[str, ...]
    orphans: tuple[str, ...]


def find_faults(parents: dict[str, str | None]) -> TreeFaults:
    """Return what is wrong with a tree given as category -> parent (None: a root).

    >>> find_faults({"1": "2", "2": "1", "3": "3", "4": "9"})
    TreeFaults(own_parent=('3',), in_cycle=('1', '2'), orphans=('4',))
    """
    own = sorted(category for category, parent in parents.items() if category == parent)
    orphans = sorted(
        c for c, parent in parents.items() if parent is not None and parent not in parents
    )
    in_cycle: set[str] = set()
    settled: set[str] = set(own)
    for start in parents:
        path: dict[str, int] = {}
        node: str | None = start
        while node is not None and node in parents and node not in settled and node not in path:
            path[node] = len(path)
            node = parents[node]
        if node is not None and node in path:
            in_cycle.update(c for c, place in path.items() if place >= path[node])
        settled.update(path)
    return TreeFaults(tuple(own), tuple(sorted(in_cycle)), tuple(orphans))


def write_categories(parents: dict[str, str | None], out: Path) -> None:
    """Write ``categories/part-0.parquet``, sorted by category id."""
    rows = sorted(parents.items())
    table = pa.table([[c for c, _ in rows], [p for _, p in rows]], schema=CATEGORIES)
    write_table(table, out / "categories" / "part-0.parquet")
