import subprocess
import sys

from tests.serving.small_shop import N_ITEMS, fitted_model, histories_of

HEAVY = [
    "pandas",
    "sklearn",
    "scipy",
    "catboost",
    "implicit",
    "mapie",
    "optuna",
    "networkx",
    "ibis",
    "duckdb",
    "boto3",
    "fastapi",
]


def test_the_fill_order_is_the_whole_catalogue_popular_items_first() -> None:
    model = fitted_model()
    assert sorted(model.fill_order.tolist()) == list(range(N_ITEMS))
    assert model.fill_order[0] == model.sources["popularity"].propose(histories_of([[]]), 1).item[0]


def test_item_codes_invert_item_ids() -> None:
    model = fitted_model()
    assert model.item_codes["sku-7"] == 7
    assert len(model.item_codes) == N_ITEMS


def test_serving_imports_nothing_that_only_training_needs() -> None:
    code = (
        "import sys, endcap.serving.recommend, endcap.uncertainty.conformal, "
        "endcap.ranking.ranker, endcap.ranking.tuning, endcap.uncertainty.coverage\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(HEAVY).isdisjoint(loaded)
