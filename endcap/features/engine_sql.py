"""An Ibis expression as an engine's SQL, with the same arithmetic on all of them."""

from typing import Literal

import ibis
import ibis.expr.types as ir
import sqlglot
import sqlglot.expressions as sge

_SQLGLOT_NAME = {"duckdb": "duckdb", "pyspark": "spark"}


def engine_sql(expression: ir.Table, engine: Literal["duckdb", "pyspark"]) -> str:
    """Return the SQL of `expression` for an engine.

    A number with a decimal point would be a decimal to both engines, and each has rules of its own
    for how many digits of a product or a quotient of decimals to keep. Here it is a double.

    >>> t = ibis.table({"n": "int64"}, name="t")
    >>> engine_sql(t.select(half=t.n * 0.5), "duckdb")
    'SELECT "t0"."n" * 0.5e0 AS "half" FROM "t" AS "t0"'
    """
    # By way of the backend, which registers options that its compiler reads.
    text = str(getattr(ibis, engine).compile(expression))
    dialect = _SQLGLOT_NAME[engine]
    return sqlglot.parse_one(text, dialect=dialect).transform(_as_double).sql(dialect=dialect)


def _as_double(node: sge.Expression) -> sge.Expression:
    if isinstance(node, sge.Literal) and not node.is_string:
        digits = str(node.this)
        if "." in digits and "e" not in digits.lower():
            return sge.Literal.number(f"{digits}e0")
    return node
