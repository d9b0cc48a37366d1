import json

from endcap.serving.answers import to_items
from endcap.serving.recommend import recommend
from endcap.serving.slates import Slate, SlateItem, SlateRequest
from tests.serving.small_shop import fitted_model, histories_of


def test_an_item_is_told_by_the_shops_id_with_its_place_and_rounded_numbers() -> None:
    slate = Slate(
        (
            SlateItem(7, 1.23456789, 0.33333333, 0.0, 0.66666666, "als"),
            SlateItem(0, -2.0, 0.0, 0.0, 0.0, "catalogue"),
        )
    )

    assert to_items(slate, fitted_model()) == [
        {
            "item_id": "sku-7",
            "rank": 1,
            "score": 1.234568,
            "probability": 0.333333,
            "interval": [0.0, 0.666667],
            "source": "als",
        },
        {
            "item_id": "sku-0",
            "rank": 2,
            "score": -2.0,
            "probability": 0.0,
            "interval": [0.0, 0.0],
            "source": "catalogue",
        },
    ]


def test_an_empty_slate_has_no_items() -> None:
    assert to_items(Slate(()), fitted_model()) == []


def test_a_served_slate_is_plain_json() -> None:
    model = fitted_model()
    (slate,) = recommend(model, histories_of([[3, 4, 5]]), SlateRequest(k=5))

    items = to_items(slate, model)

    assert json.loads(json.dumps(items)) == items
    assert [item["rank"] for item in items] == [1, 2, 3, 4, 5]
