"""An engine's tables that keep every result, in float64 as the engine computed it."""

from dataclasses import dataclass, field

import ibis.expr.types as ir
import pyarrow as pa

from endcap.features.as_of import AsOfTables


@dataclass
class RecordedTables:
    """`endcap.features.as_of.AsOfTables`, and what was run on them so far."""

    tables: AsOfTables
    results: list[pa.Table] = field(default_factory=list)

    def run(self, expression: ir.Table) -> pa.Table:
        self.results.append(self.tables.run(expression))
        return self.results[-1]

    def add(self, name: str, table: pa.Table) -> ir.Table:
        return self.tables.add(name, table)

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        return self.tables.keep(name, expression)
