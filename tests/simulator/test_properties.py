import re
from collections import Counter

import numpy as np
import pyarrow.parquet as pq

from endcap.simulator.scales import TINY, WEEK_MS
from tests.simulator import reading
from tests.simulator.conftest import Written


def test_snapshots_are_weekly_from_the_second_week_on(clean_tiny: Written) -> None:
    times = sorted({int(row[0]) for row in reading.properties(clean_tiny.folder)})
    assert times == [TINY.start_ms + week * WEEK_MS for week in range(1, 9)]


def test_rows_are_in_order_of_time_across_both_parts(clean_tiny: Written) -> None:
    times = [int(row[0]) for row in reading.properties(clean_tiny.folder)]
    assert times == sorted(times)


def test_an_item_has_one_value_of_a_property_in_a_snapshot(clean_tiny: Written) -> None:
    keys = Counter(tuple(row[:3]) for row in reading.properties(clean_tiny.folder))
    assert set(keys.values()) == {1}


def test_every_item_has_category_availability_price_and_text(clean_tiny: Written) -> None:
    rows = reading.properties(clean_tiny.folder)
    for name in ("categoryid", "available", "790", "888"):
        assert len({row[1] for row in rows if row[2] == name}) == TINY.property_items


def test_values_have_retailrockets_form(clean_tiny: Written) -> None:
    forms = {"available": r"[01]", "790": r"n\d+\.000", "categoryid": r"\d+"}
    for _time, _item, name, value in reading.properties(clean_tiny.folder):
        assert re.fullmatch(forms.get(name, r"(n?\d+(\.000)?)( n?\d+(\.000)?)*"), value)


def test_a_price_or_availability_is_repeated_only_when_it_changes(clean_tiny: Written) -> None:
    last: dict[tuple[str, str], str] = {}
    for _time, item, name, value in reading.properties(clean_tiny.folder):
        if name in {"790", "available"}:
            assert last.get((item, name)) != value
            last[item, name] = value


def test_the_files_end_at_the_true_price_and_category(clean_tiny: Written) -> None:
    items = pq.read_table(clean_tiny.folder / "truth" / "items.parquet").to_pydict()
    prices = np.load(clean_tiny.folder / "truth" / "prices.npy")
    rows = reading.properties(clean_tiny.folder)
    price = {row[1]: row[3] for row in rows if row[2] == "790"}
    category = {row[1]: row[3] for row in rows if row[2] == "categoryid"}
    for at, item in enumerate(items["itemid"]):
        assert price[str(item)] == f"n{prices[at, -1]}.000"
        assert category[str(item)] == str(items["categoryid"][at])


def test_item_categories_are_in_the_tree(clean_tiny: Written) -> None:
    tree = reading.rows(clean_tiny.folder / "category_tree.csv")
    known = {category for category, _parent in tree}
    rows = reading.properties(clean_tiny.folder)
    assert {row[3] for row in rows if row[2] == "categoryid"} <= known
    assert {parent for _category, parent in tree if parent} <= known
    assert sum(not parent for _category, parent in tree) == TINY.trees
