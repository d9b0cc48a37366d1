import numpy as np

from endcap.retrieval.catalogue import Catalogue


def catalogue(*parents: int) -> Catalogue:
    return Catalogue(
        category=np.zeros(0, dtype=np.int32),
        category_parent=np.array(parents, dtype=np.int32),
        log_price=np.zeros(0, dtype=np.float32),
    )


def test_levels_go_up_to_the_root() -> None:
    levels = catalogue(-1, 0, 1, -1).levels()
    assert [level.tolist() for level in levels] == [[0, 1, 2, 3], [-1, 0, 1, -1], [-1, -1, 0, -1]]


def test_a_cycle_ends() -> None:
    assert len(catalogue(1, 0).levels()) == 2


def test_no_categories_have_no_levels() -> None:
    assert catalogue().levels() == []
