"""Item side: what follows what within a session, as sparse matrices of probabilities.

A visit is a run of a visitor's events on one item within a session. Three matrices are counted from
a visitor's visits in a row, all before the cut:

``transition``           item -> next item
``pair_transition``      the last two items, in order -> next item
``category_transition``  category -> next item's category (the same one included), as of the cut

Each is written row by row (CSR) as ``.npy`` arrays into the family's folder, with n items and k
categories (codes as in ``categories.json`` of the family ``category_graph``):

===========================  =======  =============  =============================================
file                         dtype    length         content
===========================  =======  =============  =============================================
transition_ptr               int64    n + 1          item i's are ``[ptr[i], ptr[i + 1])`` of
transition_key               int64    entries        ``i * n + next``, ascending
transition_probability       float32  entries        smoothed P(next | i)
transition_support           float32  entries        times seen
pair_key                     int64    pairs          ``before * n + last``, ascending: the rows
pair_transition_ptr          int64    pairs + 1      the p-th pair's are ``[ptr[p], ptr[p + 1])`` of
pair_transition_key          int64    entries        ``p * n + next``, ascending
pair_transition_probability  float32  entries        smoothed P(next | before, last)
pair_transition_support      float32  entries        times seen
category_transition_ptr      int64    k + 1          category c's are ``[ptr[c], ptr[c + 1])`` of
category_transition_key      int64    entries        ``c * k + next``, ascending
category_transition_probability       float32        smoothed P(next category | c)
category_transition_support  float32  entries        times seen
session_timeout_ms           int64    1              the session timeout
===========================  =======  =============  =============================================

A probability is ``support / (all transitions out of the row + prior)``, so what is missing has
probability 0 and a rare row proves little; the kept entries of a row sum to less than 1.
"""

from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.arrays import save_arrays
from endcap.features.as_of import INTERACTIONS, ITEMS, AsOfTables
from endcap.features.category_graph import coded_items, forest_nodes, read_forest


def visits() -> ir.Table:
    """Return the item codes BEFORE, PREVIOUS and NEXT of each visit but the first of a session.

    PREVIOUS and NEXT differ. BEFORE is null for the second visit of a session.
    """
    followed = INTERACTIONS.filter(INTERACTIONS.previous.notnull())
    return followed.select("before", "previous", next=followed.item_code)


def transitions(steps: ir.Table, config: FeatureConfig) -> ir.Table:
    """Return PREVIOUS and NEXT item codes, PROBABILITY and SUPPORT, sorted by both codes.

    `steps`: what `visits` returns. Of each item's transitions the
    ``config.transitions_per_item`` best supported are kept, ties going to the lower code.
    """
    return _scored(steps, ["previous"], config, config.transitions_per_item)


def pair_transitions(steps: ir.Table, config: FeatureConfig) -> ir.Table:
    """Return BEFORE, PREVIOUS and NEXT item codes, PROBABILITY and SUPPORT, sorted by the codes.

    A transition out of two items is kept if it was seen ``config.pair_min_support`` times, and is
    among the ``config.transitions_per_pair`` best supported of its pair.
    """
    return _scored(
        steps.filter(steps.before.notnull()),
        ["before", "previous"],
        config,
        config.transitions_per_pair,
        min_support=config.pair_min_support,
    )


def category_transitions(steps: ir.Table, coded: ir.Table, config: FeatureConfig) -> ir.Table:
    """Return PREVIOUS and NEXT category codes, PROBABILITY and SUPPORT, sorted by both codes.

    `coded`: what `endcap.features.category_graph.coded_items` returns. An item has its category as
    of the cut, as a candidate has. Of each category's transitions the
    ``config.transitions_per_category`` best supported are kept.
    """
    left = coded.select(previous=coded.item_code, here=coded.category)
    right = coded.select(next=coded.item_code, there=coded.category)
    moves = steps.inner_join(left, "previous").inner_join(right, "next")
    return _scored(
        moves.select(previous="here", next="there"),
        ["previous"],
        config,
        config.transitions_per_category,
    )


def build_transitions(
    tables: AsOfTables,
    out: Path,
    *,
    cut_ms: int,
    config: FeatureConfig,
    session_timeout_minutes: float,
) -> None:
    """Write the arrays of this module into the folder `out`."""
    n_items = tables.run(ITEMS.aggregate(n=ITEMS.count())).column("n")[0].as_py()
    forest = read_forest(tables)
    nodes = tables.add("category_nodes", forest_nodes(forest))
    coded = tables.keep("coded_items", coded_items(nodes, cut_ms))
    steps = tables.keep("visits", visits())
    after_item = tables.run(transitions(steps, config))
    after_pair = tables.run(pair_transitions(steps, config))
    after_category = tables.run(category_transitions(steps, coded, config))
    pair = _codes(after_pair, "before") * n_items + _codes(after_pair, "previous")
    pair_key, pair_row = np.unique(pair, return_inverse=True)
    item_row, category_row = _codes(after_item, "previous"), _codes(after_category, "previous")
    n_categories = len(forest.ids)
    arrays = {
        **_csr("transition", after_item, item_row, n_items, n_items),
        "pair_key": pair_key,
        **_csr("pair_transition", after_pair, pair_row, len(pair_key), n_items),
        **_csr("category_transition", after_category, category_row, n_categories, n_categories),
        "session_timeout_ms": np.array([session_timeout_minutes * 60_000]).astype(np.int64),
    }
    save_arrays(out, arrays)


def _csr(
    name: str, found: pa.Table, row: NDArray[np.int64], n_rows: int, width: int
) -> dict[str, NDArray[Any]]:
    return {
        f"{name}_ptr": np.searchsorted(row, np.arange(n_rows + 1)).astype(np.int64),
        f"{name}_key": row * width + _codes(found, "next"),
        f"{name}_probability": found["probability"].to_numpy().astype(np.float32),
        f"{name}_support": found["support"].to_numpy().astype(np.float32),
    }


def _codes(found: pa.Table, name: str) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = found[name].to_numpy().astype(np.int64)
    return codes


def _scored(
    steps: ir.Table, row: list[str], config: FeatureConfig, per_row: int, *, min_support: int = 1
) -> ir.Table:
    pairs = steps.group_by([*row, "next"]).agg(support=steps.count())
    of_row = [pairs[name] for name in row]
    best_first = ibis.window(group_by=of_row, order_by=[pairs.support.desc(), pairs.next.asc()])
    scored = pairs.mutate(
        probability=pairs.support
        / (pairs.support.sum().over(ibis.window(group_by=of_row)) + config.transition_prior),
        rank=ibis.row_number().over(best_first),
    )
    kept = scored.filter(scored.rank < per_row, scored.support >= min_support)
    return kept.select(*row, "next", "probability", "support").order_by([*row, "next"])
