import numpy as np
import pytest

from endcap.simulator.catalogue import Catalogue, stock_catalogue
from endcap.simulator.category_tree import grow_category_tree
from endcap.simulator.randomness import stream
from endcap.simulator.scales import DEMO, TINY


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    tree = grow_category_tree(TINY.categories, TINY.trees, stream(3, "tree"))
    return stock_catalogue(tree, TINY, stream(3, "catalogue"))


def test_as_many_items_as_asked_and_only_active_ones_have_weight(catalogue: Catalogue) -> None:
    assert len(set(catalogue.ids.tolist())) == TINY.property_items
    assert (catalogue.weight > 0).sum() == TINY.active_items


def test_niches_and_categories_are_ranges(catalogue: Catalogue) -> None:
    for niche in range(len(catalogue.niche_start) - 1):
        members = slice(catalogue.niche_start[niche], catalogue.niche_start[niche + 1])
        assert set(catalogue.niche[members].tolist()) == {niche}
        assert len(set(catalogue.category[members].tolist())) == 1


def test_similar_items_share_the_niche_and_their_probabilities_end_at_one(
    catalogue: Catalogue,
) -> None:
    assert (catalogue.niche[catalogue.similar] == catalogue.niche[:, None]).all()
    assert catalogue.similar_cumulative[:, -1] == pytest.approx(1.0)


def test_substitutes_are_active_and_always_on_sale(catalogue: Catalogue) -> None:
    substitute = catalogue.substitute
    assert (catalogue.weight[substitute] > 0).all()
    assert (catalogue.sale_from_ms[substitute] == TINY.start_ms).all()
    assert (substitute[substitute] == substitute).all()


def test_draws_stay_in_their_range_and_follow_the_weights(catalogue: Catalogue) -> None:
    n = len(catalogue)
    u = np.random.default_rng(0).random(100_000)
    drawn = catalogue.draw(np.zeros(len(u), np.int64), np.full(len(u), n), u)
    share = np.bincount(drawn, minlength=n) / len(u)
    assert share == pytest.approx(catalogue.weight / catalogue.weight.sum(), abs=0.005)


def test_a_range_without_active_items_draws_nothing(catalogue: Catalogue) -> None:
    idle = np.flatnonzero(catalogue.weight == 0)[:1]
    assert catalogue.draw(idle, idle + 1, np.array([0.5])).tolist() == [-1]


def test_a_tenth_of_the_items_draws_about_half_of_the_views() -> None:
    tree = grow_category_tree(DEMO.categories, DEMO.trees, stream(0, "tree"))
    weight = np.sort(stock_catalogue(tree, DEMO, stream(0, "catalogue")).weight)[::-1]
    top = weight[: DEMO.active_items // 10].sum() / weight.sum()
    assert 0.4 < top < 0.6
