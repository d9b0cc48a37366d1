"""Builds a family of item-side features as of a cut into a folder.

Ibis, DuckDB and NetworkX take half a second to import, so only what computes imports them: a step
that finds its result in the lake asks for the families' names alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from endcap import columns as c
from endcap.collector import paused_collector
from endcap.config_features import FeatureConfig

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from endcap.features.as_of import AsOfTables

FAMILIES: Final = ("temporal", "sessions", "decay", "prices", "category_graph", "transitions")


def build_family(
    family: str,
    clean_folder: Path,
    out: Path,
    *,
    cut_ms: int,
    config: FeatureConfig,
    threads: int,
    session_timeout_minutes: float,
) -> None:
    """Compute one of `FAMILIES` from the canonical tables and write it into the folder `out`.

    ``<family>.parquet`` holds one row per item first seen before `cut_ms` (UTC epoch ms), sorted by
    ITEM_CODE, with the family's features as float32; ``transitions`` is a set of arrays instead
    (see `endcap.features.transitions`). No row at or after the cut is read. The
    same input gives the same bytes, whatever `threads`. `session_timeout_minutes`: what the log was
    cleaned with. Raises `KeyError` for an unknown family.
    """
    with paused_collector():
        from endcap.features.duckdb_tables import open_tables  # noqa: PLC0415

        with open_tables(clean_folder, cut_ms=cut_ms, threads=threads) as tables:
            write_family(
                family,
                tables,
                out,
                cut_ms=cut_ms,
                config=config,
                session_timeout_minutes=session_timeout_minutes,
            )


def write_family(
    family: str,
    tables: "AsOfTables",
    out: Path,
    *,
    cut_ms: int,
    config: FeatureConfig,
    session_timeout_minutes: float,
) -> None:
    """Compute one of `FAMILIES` on any engine's tables as of `cut_ms`, as `build_family` does."""
    # Only the two that ask for the tree of categories import NetworkX.
    if family == "transitions":
        from endcap.features.transitions import build_transitions  # noqa: PLC0415

        build_transitions(
            tables,
            out,
            cut_ms=cut_ms,
            config=config,
            session_timeout_minutes=session_timeout_minutes,
        )
    elif family == "category_graph":
        from endcap.features.category_graph import build_category_graph  # noqa: PLC0415

        _write(build_category_graph(tables, out, cut_ms=cut_ms), family, out)
    else:
        rows = _expression(family, cut_ms, config)
        _write(tables.run(rows.order_by(c.ITEM_CODE)), family, out)


def _expression(family: str, cut_ms: int, config: FeatureConfig) -> "ir.Table":
    from endcap.features.decay import decay  # noqa: PLC0415
    from endcap.features.prices import prices  # noqa: PLC0415
    from endcap.features.sessions import sessions  # noqa: PLC0415
    from endcap.features.temporal import temporal  # noqa: PLC0415

    if family == "sessions":
        return sessions()
    return {"temporal": temporal, "decay": decay, "prices": prices}[family](cut_ms, config)


def _write(rows: pa.Table, family: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [(name, pa.int32() if name == c.ITEM_CODE else pa.float32()) for name in rows.column_names]
    )
    # Dictionaries and bounds cost .2 s of a full-size shop's families and made larger files.
    pq.write_table(
        rows.cast(schema, safe=False),
        out / f"{family}.parquet",
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )
