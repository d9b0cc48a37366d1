"""Raw folders written by hand, and what cleaning makes of them."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from endcap.config import CleaningConfig
from endcap.dataset.cleaning import clean
from endcap.dataset.mapping import LogMapping

START = 1_433_116_800_000
"""2015-06-01 00:00 UTC."""
EVENT_HEADER = "timestamp,visitorid,event,itemid,transactionid"
PROPERTY_HEADER = "timestamp,itemid,property,value"
TREE_HEADER = "categoryid,parentid"


def write_events(raw: Path, *rows: str) -> Path:
    return write_lines(raw / "events.csv", EVENT_HEADER, *rows)


def write_properties(raw: Path, *rows: str) -> Path:
    return write_lines(raw / "item_properties_part1.csv", PROPERTY_HEADER, *rows)


def write_tree(raw: Path, *rows: str) -> Path:
    return write_lines(raw / "category_tree.csv", TREE_HEADER, *rows)


def write_lines(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines))
    return path


def view(at: int, user: int = 1, item: int = 10) -> str:
    return f"{START + at},{user},view,{item},"


def clean_up(
    raw: Path,
    out: Path,
    *,
    mapping: LogMapping | None = None,
    cleaning: CleaningConfig | None = None,
    as_of_ms: int | None = None,
    now_ms: int | None = None,
    threads: int = 2,
) -> dict[str, Any]:
    return clean(
        raw,
        out,
        mapping=mapping,
        cleaning=cleaning or CleaningConfig(max_quarantine_share=1.0),
        as_of_ms=as_of_ms,
        now_ms=now_ms,
        threads=threads,
    )


def interactions(out: Path) -> list[dict[str, Any]]:
    """The rows in their order over all days."""
    files = sorted((out / "interactions").glob("event_date=*/part-0.parquet"))
    return [row for file in files for row in rows_of(file)]


def rows_of(file: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.ParquetFile(file).read().to_pylist()
    return rows


def quarantine(out: Path) -> list[tuple[str, int, str, str]]:
    rows = rows_of(out / "quarantine" / "part-0.parquet")
    return [(r["file"], r["row_number"], r["reason"], r["raw"]) for r in rows]


def reasons(out: Path) -> list[tuple[int, str]]:
    return [(number, reason) for _, number, reason, _ in quarantine(out)]


def intervals(out: Path) -> list[dict[str, Any]]:
    return rows_of(out / "item_properties" / "part-0.parquet")


def hashes(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def warning_codes(report: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in report["warnings"]]
