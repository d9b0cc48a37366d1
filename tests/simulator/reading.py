"""Reads the files of a simulated shop without malformed rows."""

import csv
from pathlib import Path
from typing import NamedTuple


class Event(NamedTuple):
    time_ms: int
    visitor: str
    kind: str
    item: str
    transaction: str


def events(folder: Path) -> list[Event]:
    return [Event(int(row[0]), *row[1:]) for row in rows(folder / "events.csv")]


def properties(folder: Path) -> list[list[str]]:
    return [row for part in (1, 2) for row in rows(folder / f"item_properties_part{part}.csv")]


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]
