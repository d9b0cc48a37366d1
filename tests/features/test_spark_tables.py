"""DuckDB and Spark, the same Ibis expressions: equal tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from endcap.config import CleaningConfig
from endcap.config_features import FeatureConfig
from endcap.dataset.cleaning import clean
from endcap.features.as_of import AsOfTables
from endcap.features.duckdb_tables import open_tables
from endcap.features.families import FAMILIES, write_family
from endcap.features.spark_tables import spark_tables
from endcap.simulator.scales import DEMO
from endcap.simulator.shop import simulate
from tests.features.canonical_shop import DAY, START, Event, price, write_shop
from tests.features.recorded_tables import RecordedTables
from tests.features.spark_sessions import local_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def spark() -> Iterator["SparkSession"]:
    with local_spark() as session:
        yield session


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, spark: "SparkSession") -> tuple[Path, int]:
    """The simulated demo shop, cleaned, and a cut a week before its end."""
    assert spark.version  # before minutes are spent, so that a skipped test costs nothing
    root = tmp_path_factory.mktemp("demo")
    simulate(root / "raw", scale=DEMO, seed=42)
    facts = clean(
        root / "raw", root / "clean", mapping=None, cleaning=CleaningConfig(), as_of_ms=None
    )
    return root / "clean", facts["events"]["last_event_ms"] - 7 * DAY


@pytest.mark.parametrize("family", FAMILIES)
def test_both_engines_give_equal_tables_on_the_demo_shop(
    family: str, demo: tuple[Path, int], spark: "SparkSession", tmp_path: Path
) -> None:
    clean_folder, cut_ms = demo
    assert_engines_agree(family, clean_folder, cut_ms, spark, tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_both_engines_agree_on_a_shop_without_properties_and_tree(
    family: str, spark: "SparkSession", tmp_path: Path
) -> None:
    shop = write_shop(tmp_path / "the shop's [1]", [Event(START, 0, "a"), Event(START, 1, "b")])
    for name in ("item_properties", "categories"):
        (shop / name / "part-0.parquet").unlink()
    assert_engines_agree(family, shop, START + DAY, spark, tmp_path)


def test_spark_sees_no_row_at_the_cut(spark: "SparkSession", tmp_path: Path) -> None:
    events = [Event(START, 0, "a"), Event(START + DAY, 0, "a"), Event(START + DAY, 0, "b")]
    shop = write_shop(tmp_path / "shop", events, [price("a", 5, START, START + DAY)])
    spark_tables(spark, str(shop), _files(shop), cut_ms=START + DAY)
    rows = {name: spark.table(name).count() for name in ("interactions", "items")}
    assert rows == {"interactions": 1, "items": 1}
    assert [row.valid_to_ms for row in spark.table("item_properties").collect()] == [None]


def assert_engines_agree(
    family: str, clean_folder: Path, cut_ms: int, spark: "SparkSession", out: Path
) -> None:
    with open_tables(clean_folder, cut_ms=cut_ms, threads=1) as tables:
        ours = _recorded(tables, family, out / "duckdb", cut_ms)
    theirs = _recorded(
        spark_tables(spark, str(clean_folder), _files(clean_folder), cut_ms=cut_ms),
        family,
        out / "spark",
        cut_ms,
    )
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert_equal_tables(one, other)
    assert _names(out / "duckdb") == _names(out / "spark")


def assert_equal_tables(one: pa.Table, other: pa.Table) -> None:
    """Integers, codes and text equal, floats within 1e-9 relative, missing where missing."""
    assert one.schema == other.schema
    exact = [f.name for f in one.schema if not pa.types.is_floating(f.type)]
    one, other = (t.sort_by([(name, "ascending") for name in exact]) for t in (one, other))
    assert one.select(exact).equals(other.select(exact))
    for name in set(one.column_names) - set(exact):
        np.testing.assert_allclose(
            one[name].to_numpy(), other[name].to_numpy(), rtol=1e-9, atol=0, err_msg=name
        )


def _recorded(tables: AsOfTables, family: str, out: Path, cut_ms: int) -> list[pa.Table]:
    recorded = RecordedTables(tables)
    write_family(
        family,
        recorded,
        out,
        cut_ms=cut_ms,
        config=FeatureConfig(),
        session_timeout_minutes=30.0,
    )
    return recorded.results


def _files(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in folder.rglob("*.parquet")]


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())
