from pathlib import Path
from tempfile import TemporaryDirectory

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.config_features import FeatureConfig
from endcap.features.as_of import AsOfTables
from endcap.features.decay import add_events, decay_sums, decayed_scores
from endcap.features.duckdb_tables import open_tables
from tests.features.canonical_shop import CART, DAY, START, Event, family_columns, write_shop

CUT = START + 40 * DAY


def test_an_event_counts_half_after_each_half_life(tmp_path: Path) -> None:
    events = [
        Event(CUT - 14 * DAY, 0, "a"),
        Event(CUT - 7 * DAY, 0, "a"),
        Event(CUT - 21 * DAY, 0, "b", CART),
        Event(CUT, 0, "a"),
    ]
    clean = write_shop(tmp_path / "clean", events)
    config = FeatureConfig(view_half_life_days=7.0, cart_half_life_days=10.5)
    columns = family_columns("decay", clean, tmp_path / "out", CUT, config)
    # "b" was seen first, so its code is 0.
    assert columns["decayed_views"].tolist() == pytest.approx([0, 1 / 4 + 1 / 2], abs=2**-31)
    assert columns["decayed_carts"].tolist() == pytest.approx([1 / 4, 0], abs=2**-31)
    assert columns["decayed_purchases"].tolist() == [0, 0]


def test_an_ancient_event_weighs_nothing(tmp_path: Path) -> None:
    clean = write_shop(tmp_path / "clean", [Event(START - 4000 * DAY, 0, "a")])
    columns = family_columns("decay", clean, tmp_path / "out", CUT)
    assert columns["decayed_views"].tolist() == [0]


_events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(CUT - 4000 * DAY, CUT - 1)),
    max_size=40,
)
_half_lives = st.floats(0.01, 400, allow_nan=False)


@settings(max_examples=15, deadline=None)
@given(st.lists(_events, min_size=1, max_size=4), _half_lives, _half_lives)
def test_adding_events_to_stored_sums_equals_all_events_at_once(
    batches: list[list[tuple[int, int, int]]], views: float, purchases: float
) -> None:
    config = FeatureConfig(view_half_life_days=views, purchase_half_life_days=purchases)
    with (
        TemporaryDirectory() as folder,
        open_tables(Path(folder), cut_ms=CUT, threads=1) as tables,
    ):
        at_once = _rows(
            tables,
            decay_sums(
                _add(tables, "all", [event for batch in batches for event in batch]), config
            ),
        )
        stored = _add(tables, "none", [])
        sums = tables.add("stored_0", tables.run(decay_sums(stored, config)))
        for number, batch in enumerate(batches, start=1):
            more = add_events(sums, _add(tables, f"batch_{number}", batch), config)
            sums = tables.add(f"stored_{number}", tables.run(more))
        assert _rows(tables, sums) == at_once
        scored = _rows(tables, decayed_scores(sums, CUT, config))
        whole = tables.add("whole", pa.Table.from_pylist(at_once, tables.run(sums).schema))
        assert scored == _rows(tables, decayed_scores(whole, CUT, config))


def test_a_stored_score_fades_to_a_later_cut(tmp_path: Path) -> None:
    config = FeatureConfig(view_half_life_days=7.0)
    with open_tables(tmp_path, cut_ms=CUT, threads=1) as tables:
        sums = decay_sums(_add(tables, "seen", [(5, 0, CUT - 14 * DAY)]), config)
        scores = [
            _rows(tables, decayed_scores(sums, cut_ms, config))[0]["decayed_views"]
            for cut_ms in (CUT, CUT + 7 * DAY)
        ]
    assert scores == pytest.approx([1 / 4, 1 / 8], abs=2**-31)


def test_types_without_a_half_life_are_not_stored(tmp_path: Path) -> None:
    with open_tables(tmp_path, cut_ms=CUT, threads=1) as tables:
        sums = decay_sums(_add(tables, "seen", [(5, 3, START)]), FeatureConfig())
        assert _rows(tables, sums) == []


def _add(tables: AsOfTables, name: str, events: list[tuple[int, int, int]]) -> ir.Table:
    schema = pa.schema(
        [("item_code", pa.int32()), ("event_type_code", pa.int8()), ("event_ms", pa.int64())]
    )
    rows = [dict(zip(schema.names, event, strict=True)) for event in events]
    return tables.add(name, pa.Table.from_pylist(rows, schema))


def _rows(tables: AsOfTables, expression: ir.Table) -> list[dict[str, float]]:
    keys = [name for name in expression.columns if name != "fixed"]
    rows: list[dict[str, float]] = tables.run(expression.order_by(keys)).to_pylist()
    return rows
