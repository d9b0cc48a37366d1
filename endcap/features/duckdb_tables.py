"""The canonical tables as of a cut, on DuckDB: one machine."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from endcap.features.canonical_views import EMPTY, TABLES, table_files, view_sql
from endcap.features.engine_sql import engine_sql


@dataclass(frozen=True)
class DuckDBTables:
    """`endcap.features.as_of.AsOfTables` on one DuckDB connection."""

    connection: duckdb.DuckDBPyConnection

    def run(self, expression: ir.Table) -> pa.Table:
        """Return the rows of an Ibis expression."""
        rows = self.connection.sql(engine_sql(expression, "duckdb")).to_arrow_table()
        return rows.cast(expression.schema().to_pyarrow())

    def add(self, name: str, table: pa.Table) -> ir.Table:
        """Show `table` to later expressions, and return the Ibis table to write them with."""
        self.connection.register(name, table)
        return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression once, for several others to read, and return it as a table."""
        query = engine_sql(expression, "duckdb")
        self.connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
        return ibis.table(expression.schema(), name=name)


@contextmanager
def open_tables(clean_folder: Path, *, cut_ms: int, threads: int) -> Iterator[DuckDBTables]:
    """Open the canonical tables under `clean_folder` as of `cut_ms` (UTC epoch ms).

    A table without files is an empty one.
    """
    found = _found(clean_folder)
    with tempfile.TemporaryDirectory() as spill:
        # Extensions would be fetched over the network; nothing here needs one.
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "temp_directory": spill,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        with duckdb.connect(config=settings) as connection:
            for name in TABLES:
                files = [clean_folder / file for file in table_files(found, name, cut_ms)]
                source = _source(connection, name, files)
                query = view_sql(name, source=source, cut_ms=cut_ms, ms="epoch_ms")
                connection.execute(f"CREATE VIEW {name} AS {query}")
            yield DuckDBTables(connection)


def _found(clean_folder: Path) -> list[str]:
    # Folder by folder: a search from the top would pass over a table that is a link, and so take it
    # for an empty one.
    files = [clean_folder / f"{name}.parquet" for name in TABLES]
    files = [file for file in files if file.is_file()]
    files += [file for name in TABLES for file in (clean_folder / name).rglob("*.parquet")]
    return [file.relative_to(clean_folder).as_posix() for file in files]


def _source(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> str:
    if not files:
        connection.register(f"no_{name}", EMPTY[name].empty_table())
        return f"no_{name}"
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"
