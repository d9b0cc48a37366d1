import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from endcap.errors import DatasetError
from endcap.features.item_table import ItemTable
from tests.features.canonical_shop import (
    DAY,
    START,
    Event,
    Property,
    build_all,
    price,
    write_shop,
)

CUT = START + 10 * DAY


@pytest.fixture
def families(tmp_path: Path) -> Path:
    events = [Event(START, 0, "a"), Event(START + 1, 0, "b"), Event(START + 2, 0, "a")]
    properties = [price("a", 12.5, START), Property("a", "categoryid", "7", START)]
    clean = write_shop(tmp_path / "clean", events, properties, [("7", "1"), ("1", None)])
    return build_all(clean, tmp_path / "families", CUT)


@pytest.mark.parametrize("mmap", [True, False])
def test_what_was_saved_is_loaded(families: Path, tmp_path: Path, mmap: bool) -> None:
    table = ItemTable.assemble(families)
    table.save(tmp_path / "table")
    loaded = ItemTable.load(tmp_path / "table", mmap=mmap)
    assert loaded.category_ids == table.category_ids == ("1", "7")
    for name, array in vars(table).items():
        if name != "category_ids":
            assert getattr(loaded, name).tobytes() == array.tobytes()
            assert getattr(loaded, name).dtype == array.dtype


def test_rules_find_price_availability_and_category(families: Path) -> None:
    table = ItemTable.assemble(families)
    assert table.n_items == 2
    np.testing.assert_array_equal(table.price, np.array([12.5, np.nan], np.float32))
    np.testing.assert_array_equal(table.available, np.array([np.nan, np.nan], np.float32))
    assert table.category.tolist() == [1, -1]
    assert table.category_parent.tolist() == [-1, 0]


def test_a_missing_family_is_named(families: Path) -> None:
    (families / "decay.parquet").unlink()
    with pytest.raises(DatasetError, match="'decay' is missing"):
        ItemTable.assemble(families)


def test_families_of_different_cuts_do_not_join(families: Path, tmp_path: Path) -> None:
    clean = write_shop(tmp_path / "other", [Event(START, 0, "a")])
    other = build_all(clean, tmp_path / "other_families", CUT)
    (families / "prices.parquet").write_bytes((other / "prices.parquet").read_bytes())
    with pytest.raises(DatasetError, match="'prices' has other items"):
        ItemTable.assemble(families)


def test_a_missing_array_is_named(families: Path, tmp_path: Path) -> None:
    ItemTable.assemble(families).save(tmp_path / "table")
    (tmp_path / "table" / "price.npy").unlink()
    with pytest.raises(DatasetError, match=r"price\.npy"):
        ItemTable.load(tmp_path / "table")


def test_serving_loads_no_training_library() -> None:
    heavy = ("ibis", "duckdb", "networkx", "pandas", "scipy")
    code = (
        "import sys, endcap.features.matrix;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"
