import json

import numpy as np
import pyarrow.parquet as pq

from tests.simulator import reading
from tests.simulator.conftest import Written


def test_cart_probabilities_of_human_views_add_up_to_the_carts(clean_tiny: Written) -> None:
    truth = pq.read_table(clean_tiny.folder / "truth" / "events.parquet").to_pandas()
    kinds = np.array([event.kind for event in reading.events(clean_tiny.folder)])
    distinct = ~truth["duplicate"].to_numpy()
    expected = np.nansum(truth["cart_probability"].to_numpy()[(kinds == "view") & distinct])
    assert abs(expected - ((kinds == "addtocart") & distinct).sum()) <= 1


def test_quality_sells(clean_tiny: Written) -> None:
    items = pq.read_table(clean_tiny.folder / "truth" / "items.parquet").to_pydict()
    quality = dict(zip(map(str, items["itemid"]), items["quality"], strict=True))
    events = reading.events(clean_tiny.folder)
    mean = {
        kind: np.mean([quality[event.item] for event in events if event.kind == kind])
        for kind in ("view", "addtocart", "transaction")
    }
    assert mean["view"] < mean["addtocart"] < mean["transaction"]


def test_the_intercepts_are_kept_with_the_truth(clean_tiny: Written) -> None:
    shop = json.loads((clean_tiny.folder / "truth" / "shop.json").read_text())
    assert set(shop["intercepts"]) == {"cart", "transaction"}
