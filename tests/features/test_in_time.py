"""The item side of a log cut off at a moment is, to the byte, that of the whole log as of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.config import CleaningConfig
from endcap.dataset.cleaning import clean
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from tests.features.canonical_shop import build_all

pytestmark = pytest.mark.slow

_shares = st.floats(0.05, 1.0)
"""How far into the log a cut lies."""


@pytest.fixture(scope="module")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    simulate(folder / "raw", scale=TINY, seed=11)
    return _clean(folder / "raw", folder / "clean")


@pytest.fixture(scope="module")
def real_shop(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _clean(real_data, tmp_path_factory.mktemp("real") / "clean")


@settings(max_examples=4, deadline=None)
@given(_shares)
def test_of_a_simulated_shop(tiny_shop: Path, share: float) -> None:
    _check(tiny_shop, share)


@settings(max_examples=3, deadline=None)
@given(_shares)
def test_of_the_real_events(real_shop: Path, share: float) -> None:
    _check(real_shop, share)


def _clean(raw: Path, out: Path) -> Path:
    clean(raw, out, mapping=None, cleaning=CleaningConfig(), as_of_ms=None)
    return out


def _check(whole: Path, share: float) -> None:
    first_ms, last_ms = _span(whole)
    cut_ms = first_ms + int((last_ms - first_ms) * share)
    with TemporaryDirectory() as folder:
        short = _cut_off(whole, Path(folder) / "short", cut_ms)
        of_whole = build_all(whole, Path(folder) / "of_whole", cut_ms)
        of_short = build_all(short, Path(folder) / "of_short", cut_ms)
        assert _bytes(of_whole) == _bytes(of_short)


def _span(folder: Path) -> tuple[int, int]:
    first_seen = pq.read_table(folder / "items.parquet")["first_seen"].cast(pa.int64())
    last_day = max((folder / "interactions").iterdir())
    last = pq.read_table(last_day / "part-0.parquet")["event_time"].cast(pa.int64())
    return pc.min(first_seen).as_py(), pc.max(last).as_py()


def _cut_off(whole: Path, short: Path, cut_ms: int) -> Path:
    """Copy the canonical tables as if nothing at or after the cut had been written yet."""
    for file in sorted(whole.rglob("*.parquet")):
        rows = pq.ParquetFile(file).read()
        for column in ("event_time", "first_seen", "valid_from"):
            if column in rows.column_names:
                rows = rows.filter(pc.less(rows[column].cast(pa.int64()), cut_ms))
        for column in {"valid_to", "session_next_time"} & set(rows.column_names):
            place, ends = rows.column_names.index(column), rows[column]
            known = pc.if_else(pc.less(ends.cast(pa.int64()), cut_ms), ends, None)
            rows = rows.set_column(place, column, known)
        target = short / file.relative_to(whole)
        if len(rows) or not target.parent.name.startswith("event_date="):
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows, target)
    return short


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
