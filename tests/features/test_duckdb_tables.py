from pathlib import Path

import pytest

from endcap.features.as_of import INTERACTIONS
from endcap.features.duckdb_tables import DuckDBTables, open_tables
from tests.features.canonical_shop import DAY, START, Event, write_shop


def _events(tables: DuckDBTables) -> int:
    count: int = tables.run(INTERACTIONS.aggregate(n=INTERACTIONS.count()))["n"][0].as_py()
    return count


def test_a_table_that_is_a_link_to_a_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", [Event(START, 0, "a"), Event(START, 1, "b")])
    (tmp_path / "linked").mkdir()
    for entry in shop.iterdir():
        (tmp_path / "linked" / entry.name).symlink_to(entry)
    with open_tables(tmp_path / "linked", cut_ms=START + DAY, threads=1) as tables:
        assert _events(tables) == 2


def test_a_result_has_the_types_of_its_expression(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", [Event(START, 0, "a")])
    expression = INTERACTIONS.aggregate(total=INTERACTIONS.event_ms.sum())
    with open_tables(shop, cut_ms=START + DAY, threads=1) as tables:
        assert tables.run(expression).schema == expression.schema().to_pyarrow()


def test_what_was_kept_can_be_read_again(tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop", [Event(START, 0, "a"), Event(START, 1, "a")])
    with open_tables(shop, cut_ms=START + DAY, threads=1) as tables:
        kept = tables.keep("views", INTERACTIONS.select(twice=INTERACTIONS.user_code * 2))
        assert sorted(tables.run(kept)["twice"].to_pylist()) == [0, 2]


@pytest.mark.parametrize("cut_ms", [START, START + 1])
def test_a_row_at_the_cut_is_not_seen(tmp_path: Path, cut_ms: int) -> None:
    shop = write_shop(tmp_path / "shop", [Event(START, 0, "a")])
    with open_tables(shop, cut_ms=cut_ms, threads=1) as tables:
        assert _events(tables) == cut_ms - START
