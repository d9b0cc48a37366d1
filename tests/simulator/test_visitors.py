import numpy as np

from endcap.simulator.catalogue import stock_catalogue
from endcap.simulator.category_tree import grow_category_tree
from endcap.simulator.randomness import stream
from endcap.simulator.scales import TINY
from endcap.simulator.visitors import Visitors, invite_visitors


def invited() -> Visitors:
    tree = grow_category_tree(TINY.categories, TINY.trees, stream(0, "tree"))
    catalogue = stock_catalogue(tree, TINY, stream(0, "catalogue"))
    return invite_visitors(catalogue, TINY, 3_000, stream(0, "visitors"))


def test_views_add_up_to_the_total_and_everyone_has_one() -> None:
    visitors = invited()
    assert len(visitors) == TINY.visitors - TINY.bots
    assert visitors.views.sum() == 3_000
    assert visitors.views.min() == 1


def test_about_the_share_asked_for_looks_only_once() -> None:
    assert abs((invited().views == 1).mean() - TINY.one_view_share) < 0.01


def test_interests_change_when_tastes_turn() -> None:
    visitors = invited()
    same = visitors.interests[:, 0] == visitors.interests_after[:, 0]
    assert same.mean() < 0.5


def test_tastes_decide_on_interests() -> None:
    tree = grow_category_tree(TINY.categories, TINY.trees, stream(0, "tree"))
    catalogue = stock_catalogue(tree, TINY, stream(0, "catalogue"))
    visitors = invite_visitors(catalogue, TINY, 3_000, stream(0, "visitors"))
    fit = np.einsum("vf,nf->vn", visitors.taste, catalogue.niche_factors)
    own = fit[np.arange(len(visitors)), visitors.interests[:, 0]]
    assert own.mean() > fit.mean() + 0.5
