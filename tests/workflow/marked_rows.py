"""A raw log in RetailRocket's files, edited: rows taken away from a moment on, and rows planted."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

EVENTS = "events.csv"
PROPERTIES = ("item_properties_part1.csv", "item_properties_part2.csv")
MARKED_ITEM = "900000001"
MARKED_VISITOR = "900000002"
MARKED_PRICE = "n987654.000"
_COLUMNS = {EVENTS: 5, PROPERTIES[0]: 4, PROPERTIES[1]: 4}
_MINUTE_MS = 60_000


def read_rows(raw: Path, name: str) -> list[str]:
    """Return the data rows of a file, without their line ends."""
    return (raw / name).read_text().splitlines()[1:]


def append_rows(raw: Path, name: str, rows: Iterable[str]) -> None:
    with (raw / name).open("a") as file:
        file.writelines(f"{row}\n" for row in rows)


def copy_rows(raw: Path, to: Path, keep: Callable[[str, int], bool]) -> Path:
    """Copy a raw log, leaving out the dated rows that `keep` (row, its time) does not want.

    A row without a readable time, or without all its columns, is kept.
    """
    shutil.copytree(raw, to, ignore=shutil.ignore_patterns("truth"))
    for name in (EVENTS, *PROPERTIES):
        header = (raw / name).read_text().splitlines()[0]
        rows = [
            row
            for row in read_rows(raw, name)
            if not _is_dated(name, row) or keep(row, _time_of(row))
        ]
        (to / name).write_text("".join(f"{row}\n" for row in [header, *rows]))
    return to


def dated_rows(raw: Path, name: str, *, from_ms: int) -> list[str]:
    """Return the rows at or after a moment."""
    return [
        row for row in read_rows(raw, name) if _is_dated(name, row) and _time_of(row) >= from_ms
    ]


def plant_rows(raw: Path, *, at_ms: int, until_ms: int) -> None:
    """Append marked rows in ``[at_ms, until_ms)``, the first of them at `at_ms` itself.

    A marked visitor looks at known items, known visitors look at, want and buy a marked item, which
    has properties; known items change their price, category and availability.
    """
    step = max(1, (until_ms - at_ms) // 40)
    visitors, items = _known(raw)
    events = []
    for place, (visitor, item) in enumerate(zip(visitors, items, strict=True)):
        moment = at_ms + place * step
        events += [
            f"{moment},{MARKED_VISITOR},view,{item},",
            f"{moment},{visitor},view,{MARKED_ITEM},",
            f"{moment + 1},{visitor},view,{items[place - 1]},",
            f"{moment + 2},{visitor},addtocart,{MARKED_ITEM},",
            f"{moment + 3},{visitor},transaction,{MARKED_ITEM},{900_000 + place}",
        ]
    append_rows(raw, EVENTS, [row for row in events if _time_of(row) < until_ms])
    changes = []
    for place, item in enumerate([MARKED_ITEM, *items]):
        moment = at_ms + place * step
        changes += [
            f"{moment},{item},790,{MARKED_PRICE}",
            f"{moment},{item},categoryid,{_category(raw)}",
            f"{moment},{item},available,{place % 2}",
        ]
    append_rows(raw, PROPERTIES[1], [row for row in changes if _time_of(row) < until_ms])


def _known(raw: Path) -> tuple[list[str], list[str]]:
    """Return 20 visitors and 20 items of the log's first rows: every cut knows them."""
    fields = [row.split(",") for row in read_rows(raw, EVENTS)[:600] if _is_dated(EVENTS, row)]
    visitors = dict.fromkeys(field[1] for field in fields if field[1].isdigit())
    items = dict.fromkeys(field[3] for field in fields if field[3].isdigit())
    return list(visitors)[:20], list(items)[:20]


def _category(raw: Path) -> str:
    return read_rows(raw, "category_tree.csv")[0].split(",")[0]


def _is_dated(name: str, row: str) -> bool:
    return row.count(",") + 1 == _COLUMNS[name] and row.split(",", maxsplit=1)[0].isdigit()


def _time_of(row: str) -> int:
    return int(row.split(",", 1)[0])
