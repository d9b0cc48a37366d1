"""The canonical tables as of a cut, on Spark: many machines, the same Ibis expressions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from endcap.features.canonical_views import EMPTY, TABLES, table_files, view_sql
from endcap.features.engine_sql import engine_sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    # A division by zero is null, as on DuckDB, and not the end of the job.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
"""What a session needs for the expressions to mean on Spark what they mean on DuckDB."""


@dataclass(frozen=True)
class SparkTables:
    """`endcap.features.as_of.AsOfTables` on one Spark session."""

    session: "SparkSession"

    def run(self, expression: ir.Table) -> pa.Table:
        """Return the rows of an Ibis expression."""
        rows = self.session.sql(engine_sql(expression, "pyspark")).toArrow()
        return rows.cast(expression.schema().to_pyarrow())

    def add(self, name: str, table: pa.Table) -> ir.Table:
        """Show `table` to later expressions, and return the Ibis table to write them with."""
        self.session.createDataFrame(table).createOrReplaceTempView(name)
        return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression once, for several others to read, and return it as a table."""
        self.session.sql(engine_sql(expression, "pyspark")).cache().createOrReplaceTempView(name)
        return ibis.table(expression.schema(), name=name)


def spark_tables(
    session: "SparkSession", location: str, files: Iterable[str], *, cut_ms: int
) -> SparkTables:
    """Show the canonical tables to `session` as of `cut_ms` (UTC epoch ms).

    Views of an earlier cut in the same session are replaced. A table without files is an empty one.

    Parameters
    ----------
    session
        With at least `SETTINGS`.
    location
        Where the cleaned folder lies, as Spark's executors reach it: a folder or a URI.
    files
        The folder's files, POSIX paths relative to it.
    """
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    session.catalog.clearCache()
    known = list(files)
    for name in TABLES:
        paths = [f"{location}/{file}" for file in table_files(known, name, cut_ms)]
        rows = (
            session.read.parquet(*map(_literal, paths))
            if paths
            else session.createDataFrame(EMPTY[name].empty_table())
        )
        rows.createOrReplaceTempView(f"canonical_{name}")
        query = view_sql(name, source=f"canonical_{name}", cut_ms=cut_ms, ms="unix_millis")
        session.sql(query).createOrReplaceTempView(name)
    return SparkTables(session)


def _literal(path: str) -> str:
    """Return a path that Hadoop does not take for a pattern."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)
