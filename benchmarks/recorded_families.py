"""The families' tables before they are written: float64, as the engine computed them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from endcap.config_features import FeatureConfig
from endcap.features.duckdb_tables import open_tables
from endcap.features.families import FAMILIES, write_family
from tests.features.recorded_tables import RecordedTables

_TRANSITIONS = ("transitions", "pair_transitions", "category_transitions")


def recorded_families(clean_folder: Path, *, cut_ms: int, threads: int) -> dict[str, pa.Table]:
    """Return each family's rows, and the three tables of ``transitions``, on DuckDB."""
    found: dict[str, pa.Table] = {}
    for family in FAMILIES:
        with (
            TemporaryDirectory() as out,
            open_tables(clean_folder, cut_ms=cut_ms, threads=threads) as tables,
        ):
            recorded = RecordedTables(tables)
            write_family(
                family,
                recorded,
                Path(out),
                cut_ms=cut_ms,
                config=FeatureConfig(),
                session_timeout_minutes=30.0,
            )
        if family == "transitions":
            found |= zip(_TRANSITIONS, recorded.results[-len(_TRANSITIONS) :], strict=True)
        else:
            found[family] = recorded.results[-1]
    return found
