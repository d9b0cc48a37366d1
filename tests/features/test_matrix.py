import numpy as np

from endcap.config_features import FeatureConfig
from endcap.features.context import context_features
from endcap.features.matrix import feature_matrix
from endcap.features.registry import FEATURES, LIKENESS_NAMES, SOURCE_NAMES, names
from endcap.retrieval.union import Candidates
from tests.features.small_items import histories, item_table

ITEMS = item_table(price=[1.0, 2.0, 3.0], category=[0, 0, -1], parent=[-1])
WEIGHTS = np.array([1, 2, 3], dtype=np.float32)


SOURCES = len(SOURCE_NAMES)


def test_sides_stand_in_the_order_of_the_registry() -> None:
    past = histories([[(0, 0, 0)], []], [10, 20])
    ptr, items = np.array([0, 2, 3]), np.array([2, 0, 1], dtype=np.int32)
    scores = np.arange(3 * SOURCES, dtype=np.float32).reshape(3, SOURCES)
    likeness = -np.arange(12, dtype=np.float32).reshape(3, 4)
    told = Candidates(ptr, items, scores, scores + 100, likeness)
    rows = feature_matrix(past, told, ITEMS, FeatureConfig(), WEIGHTS)
    assert rows.dtype == np.float32
    assert rows.shape == (3, len(FEATURES))
    column = {name: rows[:, i] for i, name in enumerate(names())}
    assert column["views_1d"].tolist() == ITEMS.columns["views_1d"][items].tolist()
    for position, source in enumerate(SOURCE_NAMES):
        assert column[f"{source}_score"].tolist() == scores[:, position].tolist()
        assert column[f"{source}_rank"].tolist() == (scores[:, position] + 100).tolist()
    for position, name in enumerate(LIKENESS_NAMES):
        assert column[f"als_cosine_{name}"].tolist() == likeness[:, position].tolist()
    user_side = context_features(past, ptr, items, ITEMS, FeatureConfig(), WEIGHTS)
    for position, name in enumerate(names("user")):
        assert column[name].tobytes() == user_side[:, position].tobytes()


def test_no_visitor_gives_an_empty_matrix() -> None:
    none = np.empty((0, SOURCES), dtype=np.float32)
    told = Candidates.unlikened(np.array([0]), np.empty(0, dtype=np.int32), none, none)
    rows = feature_matrix(histories([], []), told, ITEMS, FeatureConfig(), WEIGHTS)
    assert rows.shape == (0, len(FEATURES))
