import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.features.category_graph import plant_forest
from endcap.features.item_table import ItemTable
from tests.features.canonical_shop import DAY, START, Event, Property, build_all, write_shop

CUT = START + 40 * DAY
TREE = {"shop": None, "men": "shop", "women": "shop", "boots": "men"}


def test_forest_knows_depth_root_and_siblings() -> None:
    forest = plant_forest(TREE)
    assert forest.ids == ("boots", "men", "shop", "women")
    assert forest.parent == (1, 2, -1, 2)
    assert forest.depth == (2, 1, 0, 1)
    assert forest.root == (2, 2, 2, 2)
    assert forest.siblings == (0, 1, 0, 1)
    assert forest.subtree == (1, 2, 4, 1)
    # Of the three pairs of other categories: boots-shop and boots-women run through men.
    assert forest.centrality == pytest.approx((0, 2 / 3, 2 / 3, 0))


def test_a_parent_without_a_row_is_a_root() -> None:
    assert plant_forest({"b": "a"}).parent == (-1, 0)


def test_a_cycle_is_cut_above_its_smallest_id_and_reported() -> None:
    forest = plant_forest({"a": "c", "b": "a", "c": "b", "d": "c", "e": "e"})
    assert forest.cycles == (("a", "b", "c"), ("e",))
    assert forest.depth == (0, 1, 2, 3, 0)
    assert forest.root == (0, 0, 0, 0, 4)


def test_orphans_are_roots_with_codes_after_the_tree() -> None:
    forest = plant_forest(TREE, ["z", "men", "x", "z"])
    assert forest.ids[4:] == forest.orphans == ("z", "x")
    assert forest.depth[4:] == (0, 0)
    assert forest.root[4:] == (4, 5)


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from([None, *"abcdefg"])))
def test_every_tree_however_broken_becomes_a_forest(parent_of: dict[str, str | None]) -> None:
    forest = plant_forest(parent_of)
    for code, parent in enumerate(forest.parent):
        if parent == -1:
            assert (forest.depth[code], forest.root[code]) == (0, code)
        else:
            assert forest.depth[code] == forest.depth[parent] + 1
            assert forest.root[code] == forest.root[parent]
    for code, size in enumerate(forest.subtree):
        assert size == 1 + sum(
            below
            for below, above in zip(forest.subtree, forest.parent, strict=True)
            if above == code
        )


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_centrality_is_betweenness(picks: list[int]) -> None:
    parent_of = {str(n): str(pick % n) if n else None for n, pick in enumerate(picks)}
    forest = plant_forest(parent_of)
    graph = nx.Graph([(child, above) for child, above in parent_of.items() if above])
    graph.add_nodes_from(parent_of)
    found = nx.betweenness_centrality(graph)
    assert forest.centrality == pytest.approx([found[category] for category in forest.ids])


def test_items_are_placed_in_the_tree(tmp_path: Path) -> None:
    events = [Event(START, 0, item) for item in "abcd"]
    events += [Event(CUT - DAY, 0, item) for item in "aabd"]
    properties = [
        Property("a", "categoryid", "women", START, CUT - 20 * DAY),
        Property("a", "categoryid", "boots", CUT - 20 * DAY),
        Property("b", "categoryid", "men", START),
        Property("c", "categoryid", "lost", START),
    ]
    clean = write_shop(tmp_path / "clean", events, properties, list(TREE.items()))
    table = ItemTable.assemble(build_all(clean, tmp_path / "out", CUT))
    assert table.category_ids == ("boots", "men", "shop", "women", "lost")
    assert table.category.tolist() == [0, 1, 4, -1]
    assert table.root.tolist() == [2, 2, 4, -1]
    share = table.columns["category_popularity_share"]
    # Of the last 30 days: two events in boots, one in men, none in lost; d has no category.
    assert share[:3].tolist() == np.array([2 / 3, 1 / 3, 0], np.float32).tolist()
    assert np.isnan(share[3])
    facts = json.loads((tmp_path / "out" / "categories.json").read_text())
    assert (facts["cycles"], facts["orphans"]) == ([], ["lost"])
