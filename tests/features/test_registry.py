from endcap.features.families import FAMILIES
from endcap.features.registry import (
    FEATURES,
    LIKENESS_EVENTS,
    LIKENESS_NAMES,
    SOURCE_NAMES,
    family_names,
    names,
)
from endcap.retrieval.likeness import EVENTS, LIKENESS
from endcap.retrieval.union import SOURCES


def test_names_are_distinct() -> None:
    assert len(set(names())) == len(FEATURES)


def test_sides_follow_each_other() -> None:
    assert names() == names("item") + names("user") + names("source")


def test_every_item_side_family_is_built() -> None:
    assert {f.family for f in FEATURES if f.side == "item"} <= set(FAMILIES)


def test_the_sources_are_those_of_retrieval_in_its_order() -> None:
    assert tuple(SOURCES) == SOURCE_NAMES
    assert LIKENESS == LIKENESS_NAMES
    assert EVENTS == LIKENESS_EVENTS


def test_every_feature_is_described() -> None:
    assert all(f.description and f.unit and f.missing for f in FEATURES)
    assert {f.dtype for f in FEATURES} == {"float32"}


def test_family_names_are_in_order_of_the_matrix() -> None:
    assert family_names("category_graph")[0] == "category"
    assert family_names("weather") == ()
