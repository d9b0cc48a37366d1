import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.simulator.category_tree import grow_category_tree
from endcap.simulator.randomness import stream


@settings(max_examples=40, deadline=None)
@given(trees=st.integers(1, 30), below=st.integers(0, 400), seed=st.integers(0, 99))
def test_there_are_as_many_categories_and_trees_as_asked(trees: int, below: int, seed: int) -> None:
    tree = grow_category_tree(trees + below, trees, stream(seed, "tree"))
    assert len(set(tree.ids.tolist())) == trees + below
    assert (tree.parent < 0).sum() == trees
    assert (tree.depth[tree.parent < 0] == 1).all()


def test_a_large_tree_reaches_depth_six() -> None:
    tree = grow_category_tree(1_669, 25, stream(0, "tree"))
    assert set(tree.depth.tolist()) == {1, 2, 3, 4, 5, 6}


def test_subtrees_are_ranges() -> None:
    tree = grow_category_tree(100, 4, stream(0, "tree"))
    for node in range(100):
        inside = np.arange(node + 1, tree.stop[node])
        assert (tree.parent[inside] >= node).all()
        assert (tree.root[inside] == tree.root[node]).all()
        assert not (tree.parent[tree.stop[node] :] == node).any()


def test_roots_have_no_parent_id() -> None:
    tree = grow_category_tree(10, 2, stream(0, "tree"))
    assert sum(parent is None for parent in tree.parent_ids) == 2
