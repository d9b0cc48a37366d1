"""Moments that a ranker learns from a second time, among the items that are new to the visitor.

Where people come back for what they know, nearly every item to be found is a known one, and a
ranker learns of the others that they stand below. Such moments say little of the order among the
new items, which is all that an answer of new items shows; without what the visitor has touched,
they speak of nothing else.
"""

from typing import Final

import numpy as np

from endcap.features.registry import names
from endcap.ranking.table import RankingTable, concat_tables

_SEEN: Final = names().index("seen_events")


def with_new_items_alone(table: RankingTable) -> RankingTable:
    """Return the table and, after it, a second group for each moment of mostly known items.

    Such a moment has, among the rows kept of it, fewer items with interaction that the visitor had
    not touched before than touched ones, but one at least; its second group is its rows without
    what the visitor had touched. The features of `table` are those that
    `endcap.features.registry.names` gives. With no such moment, `table` itself is returned.
    """
    seen = table.features[:, _SEEN] > 0
    found = table.relevance > 0
    groups = int(table.group.max(initial=-1)) + 1
    known, new = (
        np.bincount(table.group[found & part], minlength=groups) for part in (seen, ~seen)
    )
    again = np.flatnonzero(((new > 0) & (new < known))[table.group] & ~seen)
    return concat_tables([table, table.take(again)], [groups, groups]) if len(again) else table
