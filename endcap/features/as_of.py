"""The canonical tables as of a cut: what the item-side families read.

The families are written against the unbound Ibis tables below. An engine (`duckdb_tables`,
`spark_tables`) shows them only rows from before the cut, with times as int64 epoch milliseconds, so
no expression can look past the cut and none depends on an engine's time arithmetic.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from endcap import columns as c

INTERACTIONS: Final = ibis.table(
    {
        c.USER_CODE: "int32",
        c.ITEM_CODE: "int32",
        c.EVENT_TYPE_CODE: "int8",
        "event_ms": "int64",
        c.EVENT_ID: "string",
        "session": "int32",
        "place": "int32",
        "ends": "boolean",
        "previous": "int32",
        "before": "int32",
    },
    name="interactions",
)
"""Events before the cut, bots left out.

``session``: the code of the event's session; ``place``: how many of its events came before;
``ends``: whether it is the session's last one before the cut. ``previous`` and ``before``: where a
visit begins, the items of the visits before it and before that, null where there is none in the
session (see `endcap.dataset.sessions`)."""

ITEMS: Final = ibis.table(
    {c.ITEM_CODE: "int32", c.ITEM_ID: "string", "first_seen_ms": "int64"}, name="items"
)
"""Items first seen before the cut."""

ITEM_PROPERTIES: Final = ibis.table(
    {
        c.ITEM_ID: "string",
        c.PROPERTY: "string",
        c.VALUE: "string",
        c.NUMBER: "float64",
        "valid_from_ms": "int64",
        "valid_to_ms": "int64",
    },
    name="item_properties",
)
"""Price, category and availability intervals that began before the cut. One that ends at the cut or
later is still open: its end is null."""

CATEGORIES: Final = ibis.table({c.CATEGORY_ID: "string", c.PARENT_ID: "string"}, name="categories")


class AsOfTables(Protocol):
    """The tables of this module as of a cut, on the engine that runs expressions over them."""

    def run(self, expression: ir.Table) -> pa.Table:
        """Return the rows of an Ibis expression over the tables of this module."""

    def add(self, name: str, table: pa.Table) -> ir.Table:
        """Show `table` to later expressions, and return the Ibis table to write them with."""

    def keep(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression once, for several others to read, and return it as a table."""


def valid_at(properties: ir.Table, moment_ms: int) -> ir.BooleanValue:
    """Return whether an interval of ``item_properties`` holds at `moment_ms`."""
    return (properties.valid_from_ms <= moment_ms) & (
        properties.valid_to_ms.isnull() | (properties.valid_to_ms > moment_ms)
    )


def item_categories(cut_ms: int) -> ir.Table:
    """Return ITEM_ID and its CATEGORY_ID as of the cut, for items that have one."""
    properties = ITEM_PROPERTIES.filter(
        ITEM_PROPERTIES.property == c.CATEGORY_PROPERTY, valid_at(ITEM_PROPERTIES, cut_ms - 1)
    )
    # Intervals of one property do not overlap; should they, the maximum is the same on any engine.
    return properties.group_by(c.ITEM_ID).agg(category_id=properties.value.max())


def instant(epoch_ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC time, exactly."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)
