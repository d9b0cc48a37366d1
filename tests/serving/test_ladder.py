from dataclasses import replace

import numpy as np

from endcap.config_serving import ServingConfig
from endcap.serving.filters import ItemFilter
from endcap.serving.ladder import CATEGORY, SESSION
from endcap.serving.recommend import recommend
from endcap.serving.shelves import Shelves
from endcap.serving.slates import SlateRequest
from endcap.serving.trending import trending_board
from tests.serving.small_shop import N_ITEMS, fitted_model, histories_of, item_table


def test_a_short_slate_is_filled_from_the_session_first_and_then_from_the_category() -> None:
    model = fitted_model()
    narrow = replace(
        model,
        sources={name: model.sources[name] for name in ("covisitation",)},
        config=ServingConfig(
            features=model.config.features,
            retrieval=model.config.retrieval.model_copy(update={"candidates_per_source": 2}),
        ),
    )
    (slate,) = recommend(narrow, histories_of([[12]]), SlateRequest(k=25))
    sources = [item.source for item in slate.items]
    assert sources[:2] == ["covisitation", "covisitation"]
    assert SESSION in sources
    filters = ItemFilter(categories=frozenset({2}))  # 8, 14, ..., and 2
    (shelf,) = recommend(
        replace(narrow, sources={}), histories_of([[8]]), SlateRequest(k=9, filters=filters)
    )
    assert {item.source for item in shelf.items} == {CATEGORY}


def test_shelves_keep_the_order_of_popularity_and_leave_out_what_has_no_category() -> None:
    category = np.array([1, -1, 0, 1], dtype=np.int32)
    shelves = Shelves.sort(category, np.array([3, 2, 1, 0], dtype=np.int32), n_categories=3)
    assert shelves.items_of(0).tolist() == [2]
    assert shelves.items_of(1).tolist() == [3, 0]
    assert shelves.items_of(2).tolist() == []


def test_a_board_weighs_events_by_type_and_leaves_out_what_nobody_wants() -> None:
    items = item_table(3)
    features = np.zeros_like(items.features)
    columns = list(items.columns)
    features[0, columns.index("views_7d")] = 4
    features[2, columns.index("purchases_7d")] = 2
    board = trending_board(
        replace(items, features=features), np.array([1, 2, 3], dtype=np.float32), window_days=7
    )
    assert board.item.tolist() == [2, 0]  # 2 * 3 and 4 * 1; item 1 has no event
    assert board.demand.tolist() == [6, 4]


def test_warming_up_computes_what_the_ladder_needs() -> None:
    model = replace(fitted_model())
    model.warm_up()
    assert {"_known", "popular"} <= set(vars(model))
    assert len(model.fill_order) == N_ITEMS
