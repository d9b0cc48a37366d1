from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.features.families import FAMILIES
from endcap.features.item_table import ItemTable
from tests.features.canonical_shop import (
    DAY,
    HOUR,
    START,
    Event,
    Property,
    build_all,
    price,
    write_shop,
)

CUT = START + 10 * DAY

_moments = st.integers(0, 16 * 24 * 4).map(lambda quarter: START + quarter * HOUR // 4)
_events = st.lists(
    st.builds(
        Event,
        at=_moments,
        user=st.integers(0, 2),
        item=st.sampled_from("abcd"),
        kind=st.integers(0, 3),
        bot=st.integers(0, 9).map(lambda n: n == 0),
    ),
    max_size=30,
)


@st.composite
def _properties(draw: st.DrawFn) -> list[Property]:
    """Chains of adjoining intervals, one an item and property, as a cleaner makes them."""
    made: list[Property] = []
    for item in "abc":
        for name, values in (
            ("790", ["n10.000", "n12.500", "n1e24", "n7.000"]),
            ("categoryid", ["7", "8", "9"]),
            ("available", ["0", "1"]),
        ):
            bounds = sorted(draw(st.sets(_moments, max_size=3)))
            made += [
                Property(item, name, draw(st.sampled_from(values)), since, until)
                for since, until in zip(bounds, [*bounds[1:], None][: len(bounds)], strict=True)
            ]
    return made


def _truncated(properties: list[Property]) -> list[Property]:
    return [
        Property(p.item, p.name, p.value, p.since, p.until if (p.until or CUT) < CUT else None)
        for p in properties
        if p.since < CUT
    ]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@settings(max_examples=8, deadline=None)
@given(_events, _properties())
def test_nothing_after_the_cut_changes_a_byte(
    events: list[Event], properties: list[Property]
) -> None:
    with TemporaryDirectory() as temporary:
        root, tree = Path(temporary), [("7", None), ("8", "7"), ("9", "7")]
        full = write_shop(root / "full", events, properties, tree)
        early = [event for event in events if event.at < CUT]
        short = write_shop(root / "short", early, _truncated(properties), tree)
        of_full = _bytes(build_all(full, root / "of_full", CUT))
        assert of_full == _bytes(build_all(short, root / "of_short", CUT))


def test_the_bytes_do_not_depend_on_threads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    events = [
        Event(START + int(rng.integers(0, 9 * DAY)), int(rng.integers(0, 50)), str(item), int(kind))
        for item, kind in zip(rng.integers(0, 30, 3000), rng.integers(0, 3, 3000), strict=True)
    ]
    clean = write_shop(tmp_path / "clean", events, [price("3", 5, START)], [("7", None)])
    one = _bytes(build_all(clean, tmp_path / "one", CUT, threads=1))
    assert one == _bytes(build_all(clean, tmp_path / "two", CUT, threads=2))


def test_without_properties_and_tree_all_of_them_is_missing(tmp_path: Path) -> None:
    clean = write_shop(tmp_path / "clean", [Event(START, 0, "a"), Event(START, 1, "b")])
    table = ItemTable.assemble(build_all(clean, tmp_path / "out", CUT))
    for name in ("price", "price_change_7d", "price_rank_in_category", "available", "category"):
        assert np.isnan(table.columns[name]).all()
    assert table.category.tolist() == table.root.tolist() == [-1, -1]
    assert table.category_ids == ()


@pytest.mark.parametrize("missing", ["item_properties", "categories", "interactions"])
def test_a_table_without_files_counts_as_empty(tmp_path: Path, missing: str) -> None:
    clean = write_shop(tmp_path / "clean", [Event(START, 0, "a")])
    for file in sorted((clean / missing).rglob("*.parquet")):
        file.unlink()
    assert ItemTable.assemble(build_all(clean, tmp_path / "out", CUT)).n_items == 1


def test_before_the_first_event_there_are_no_items(tmp_path: Path) -> None:
    clean = write_shop(tmp_path / "clean", [Event(START, 0, "a")])
    table = ItemTable.assemble(build_all(clean, tmp_path / "out", START))
    assert table.n_items == 0
    assert table.transition_ptr.tolist() == [0]


def test_a_quote_in_the_folder_name_is_no_harm(tmp_path: Path) -> None:
    clean = write_shop(tmp_path / "the shop's", [Event(START, 0, "a")])
    assert ItemTable.assemble(build_all(clean, tmp_path / "out", CUT)).n_items == 1


def test_there_are_six_families() -> None:
    assert FAMILIES == (
        "temporal",
        "sessions",
        "decay",
        "prices",
        "category_graph",
        "transitions",
    )
