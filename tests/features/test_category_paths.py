import numpy as np

from endcap.features.category_paths import category_paths


def test_a_path_runs_from_the_top_down_to_the_category() -> None:
    parent = np.array([2, 0, -1, -1], dtype=np.int32)
    assert category_paths(parent).tolist() == [
        [4, 2, 0, -1],
        [4, 2, 0, 1],
        [4, 2, -1, -1],
        [4, 3, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_no_category_has_the_empty_path() -> None:
    paths = category_paths(np.zeros(0, dtype=np.int32))
    assert (paths[-1] == -1).all()
