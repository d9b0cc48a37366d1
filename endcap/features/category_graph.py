"""Item side: an item's place in the category tree, and how popular its category is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import networkx as nx
import numpy as np
import pyarrow as pa

from endcap import columns as c
from endcap.dataset.arrays import save_arrays
from endcap.dataset.splits import DAY_MS
from endcap.features.as_of import (
    CATEGORIES,
    INTERACTIONS,
    ITEM_PROPERTIES,
    ITEMS,
    AsOfTables,
    item_categories,
)
from endcap.features.registry import family_names


@dataclass(frozen=True)
class CategoryForest:
    """The categories by code, as a forest.

    `ids`: the shop's ids; a code is a position here. In the same order: `parent` (-1 for a root),
    `depth` (0 for a root), `root`, `siblings` (other children of the parent), `subtree` (categories
    in it or below, itself included) and `centrality` (betweenness: share of the pairs of the other
    categories of its tree whose path runs through it; 0 if there are none). `cycles`: the cycles
    that were cut open, each as the ids it ran through. `orphans`: ids that items carry but the tree
    lacks; each is a root of its own.
    """

    ids: tuple[str, ...]
    parent: tuple[int, ...]
    depth: tuple[int, ...]
    root: tuple[int, ...]
    siblings: tuple[int, ...]
    subtree: tuple[int, ...]
    centrality: tuple[float, ...]
    cycles: tuple[tuple[str, ...], ...]
    orphans: tuple[str, ...]


def plant_forest(parent_of: Mapping[str, str | None], used: Iterable[str] = ()) -> CategoryForest:
    """Return the forest of a category tree and of the category ids that items use.

    `parent_of`: category id -> parent id, None for a root. A parent without a row of its own is a
    root. A cycle is cut above its smallest id. Codes go to the tree's ids in sorted order, then to
    orphans in the order of `used`: in order of first appearance there, the codes of an earlier cut
    are a prefix of those of a later one.

    >>> plant_forest({"shoes": None, "boots": "shoes"}, ["boots", "hats"]).ids
    ('boots', 'shoes', 'hats')
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(parent_of)
    graph.add_edges_from((parent, child) for child, parent in parent_of.items() if parent)
    cycles = sorted(tuple(_smallest_first(cycle)) for cycle in nx.simple_cycles(graph))
    graph.remove_edges_from([(cycle[-1], cycle[0]) for cycle in cycles])
    in_tree = sorted(graph)
    orphans = [value for value in dict.fromkeys(used) if value not in graph]
    graph.add_nodes_from(orphans)
    ids = (*in_tree, *orphans)
    code = {category: position for position, category in enumerate(ids)}
    parent = {category: next(iter(graph.pred[category]), None) for category in ids}
    depth: dict[str, int] = {}
    root: dict[str, str] = {}
    downwards = list(nx.topological_sort(graph))
    for category in downwards:
        above = parent[category]
        depth[category] = 0 if above is None else depth[above] + 1
        root[category] = category if above is None else root[above]
    subtree = dict.fromkeys(ids, 1)
    for category in reversed(downwards):
        above = parent[category]
        if above is not None:
            subtree[above] += subtree[category]
    return CategoryForest(
        ids=ids,
        parent=tuple(-1 if (above := parent[i]) is None else code[above] for i in ids),
        depth=tuple(depth[i] for i in ids),
        root=tuple(code[root[i]] for i in ids),
        siblings=tuple(
            0 if (above := parent[i]) is None else graph.out_degree(above) - 1 for i in ids
        ),
        subtree=tuple(subtree[i] for i in ids),
        centrality=tuple(
            _betweenness(subtree[root[i]], subtree[i], [subtree[below] for below in graph.succ[i]])
            for i in ids
        ),
        cycles=tuple(cycles),
        orphans=tuple(orphans),
    )


def _betweenness(tree: int, subtree: int, children: list[int]) -> float:
    # In a tree there is one path a pair: it runs through a category if that parts the two.
    parts = [*children, tree - subtree]
    parted = (sum(parts) ** 2 - sum(part**2 for part in parts)) // 2
    pairs = (tree - 1) * (tree - 2) // 2
    return parted / pairs if pairs else 0.0


def coded_items(nodes: ir.Table, cut_ms: int) -> ir.Table:
    """Return ITEM_CODE and the code ``category`` of the items with a category as of the cut.

    `nodes`: an Ibis table like `forest_nodes`.
    """
    category = item_categories(cut_ms)
    located = ITEMS.inner_join(category, c.ITEM_ID).inner_join(
        nodes, category.category_id == nodes.category_id
    )
    return located.select(ITEMS.item_code, nodes.category)


def category_graph(nodes: ir.Table, coded: ir.Table, cut_ms: int) -> ir.Table:
    """Return one row per item: ITEM_CODE and the ``category_graph`` features of the registry.

    `nodes`: an Ibis table like `forest_nodes`; `coded`: what `coded_items` returns.
    """
    recent = INTERACTIONS.filter(INTERACTIONS.event_ms >= cut_ms - 30 * DAY_MS)
    events = recent.group_by(c.ITEM_CODE).agg(events=recent.count())
    counted = coded.inner_join(events, c.ITEM_CODE)
    counts = counted.group_by("category").agg(events=counted.events.sum())
    whole = counts.aggregate(all_events=counts.events.sum())
    located = nodes.left_join(counts, "category").cross_join(whole)
    categories = located.select(
        *(nodes[name] for name in nodes.columns if name != c.CATEGORY_ID),
        category_popularity_share=counts.events.fill_null(0) / whole.all_events.nullif(0),
    )
    joined = ITEMS.left_join(coded, c.ITEM_CODE).left_join(
        categories, coded.category == categories.category
    )
    return joined.select(
        ITEMS.item_code, *(categories[name] for name in family_names("category_graph"))
    )


def build_category_graph(tables: AsOfTables, out: Path, *, cut_ms: int) -> pa.Table:
    """Return the rows of the family, and write the categories themselves into the folder `out`.

    ``category_parent.npy`` int32: parent code by code, -1 for a root. ``category_depth.npy`` int32:
    depth by code. ``categories.json``: ``ids`` by code, and what was wrong with the tree:
    ``cycles`` and ``orphans``.
    """
    forest = read_forest(tables)
    arrays = {"category_parent": forest.parent, "category_depth": forest.depth}
    save_arrays(out, {name: np.asarray(value, np.int32) for name, value in arrays.items()})
    facts = {"ids": forest.ids, "cycles": forest.cycles, "orphans": forest.orphans}
    text = json.dumps(facts, sort_keys=True, indent=1, ensure_ascii=False)
    (out / "categories.json").write_text(text + "\n", encoding="utf-8")
    nodes = tables.add("category_nodes", forest_nodes(forest))
    coded = tables.keep("coded_items", coded_items(nodes, cut_ms))
    return tables.run(category_graph(nodes, coded, cut_ms).order_by(c.ITEM_CODE))


def read_forest(tables: AsOfTables) -> CategoryForest:
    """Return the forest of the tree and of the categories that items had before the cut."""
    return plant_forest(_parents(tables), _used_categories(tables))


def forest_nodes(forest: CategoryForest) -> pa.Table:
    """Return CATEGORY_ID, its code ``category``, and what else the registry tells of a category."""
    return pa.table(
        {
            c.CATEGORY_ID: pa.array(forest.ids, pa.string()),
            "category": pa.array(range(len(forest.ids)), pa.int32()),
            "category_depth": pa.array(forest.depth, pa.int32()),
            "category_root": pa.array(forest.root, pa.int32()),
            "category_siblings": pa.array(forest.siblings, pa.int32()),
            "category_subtree": pa.array(forest.subtree, pa.int32()),
            "category_centrality": pa.array(forest.centrality, pa.float64()),
        }
    )


def _parents(tables: AsOfTables) -> dict[str, str | None]:
    rows = tables.run(CATEGORIES.group_by(c.CATEGORY_ID).agg(parent=CATEGORIES.parent_id.min()))
    return dict(
        sorted(zip(rows[c.CATEGORY_ID].to_pylist(), rows["parent"].to_pylist(), strict=True))
    )


def _used_categories(tables: AsOfTables) -> list[str]:
    properties = ITEM_PROPERTIES.filter(
        ITEM_PROPERTIES.property == c.CATEGORY_PROPERTY, ITEM_PROPERTIES.value.notnull()
    )
    seen = properties.group_by(c.VALUE).agg(first_ms=properties.valid_from_ms.min())
    ordered: list[str] = tables.run(seen.order_by(["first_ms", c.VALUE]))[c.VALUE].to_pylist()
    return ordered


def _smallest_first(cycle: list[str]) -> list[str]:
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]
