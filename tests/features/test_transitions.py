from pathlib import Path

import numpy as np
import pytest

from endcap.config_features import FeatureConfig
from endcap.features.item_table import ItemTable
from tests.features.canonical_shop import (
    CART,
    DAY,
    HOUR,
    START,
    Event,
    Property,
    build_all,
    write_shop,
)

CUT = START + 40 * DAY
MINUTE = 60_000


def _table(tmp_path: Path, events: list[Event], config: FeatureConfig) -> ItemTable:
    clean = write_shop(tmp_path / "clean", events)
    return ItemTable.assemble(build_all(clean, tmp_path / "out", CUT, config))


def _path(user: int, items: str, start: int = START) -> list[Event]:
    return [Event(start + step * MINUTE, user, item) for step, item in enumerate(items)]


def _edges(table: ItemTable) -> list[tuple[int, int, float, float]]:
    previous, following = np.divmod(table.transition_key, table.n_items)
    return [
        (int(a), int(b), float(p), float(s))
        for a, b, p, s in zip(
            previous,
            following,
            table.transition_probability,
            table.transition_support,
            strict=True,
        )
    ]


def test_probability_is_smoothed_by_the_prior(tmp_path: Path) -> None:
    events = _path(0, "abc") + _path(1, "ab", START + HOUR) + _path(2, "ac", START + 2 * HOUR)
    table = _table(tmp_path, events, FeatureConfig(transition_prior=2.0))
    found, expected = (
        _edges(table),
        [(0, 1, 2 / (3 + 2), 2), (0, 2, 1 / (3 + 2), 1), (1, 2, 1 / 3, 1)],
    )
    assert len(found) == len(expected)
    for edge, wanted in zip(found, expected, strict=True):
        assert edge == pytest.approx(wanted)
    assert table.transition_ptr.tolist() == [0, 2, 3, 3]


def test_a_repeat_is_no_transition_and_does_not_hide_one(tmp_path: Path) -> None:
    events = [*_path(0, "aa"), Event(START + 2 * MINUTE, 0, "a", CART)]
    events += _path(0, "b", START + 3 * MINUTE)
    table = _table(tmp_path, events, FeatureConfig(transition_prior=0.0))
    assert _edges(table) == [(0, 1, 1.0, 1.0)]


def test_a_session_ends_after_the_timeout(tmp_path: Path) -> None:
    events = [Event(START, 0, "a"), Event(START + 30 * MINUTE, 0, "b")]
    events += [Event(START + 60 * MINUTE + 1, 0, "c")]
    table = _table(tmp_path, events, FeatureConfig(transition_prior=0.0))
    assert [edge[:2] for edge in _edges(table)] == [(0, 1)]
    assert table.session_timeout_ms.tolist() == [30 * MINUTE]


def test_visitors_and_bots_do_not_mix(tmp_path: Path) -> None:
    events = [Event(START, 0, "a"), Event(START + 1, 1, "b")]
    events += [Event(START + 2, 2, "a", bot=True), Event(START + 3, 2, "b", bot=True)]
    table = _table(tmp_path, events, FeatureConfig())
    assert _edges(table) == []
    assert table.transition_ptr.tolist() == [0, 0, 0]


def test_only_the_best_supported_are_kept_and_ties_go_to_the_lower_code(tmp_path: Path) -> None:
    events = _path(0, "abcd")
    events += _path(1, "ad", START + HOUR) + _path(2, "ad", START + HOUR)
    events += _path(3, "ac", START + HOUR)
    table = _table(tmp_path, events, FeatureConfig(transitions_per_item=2, transition_prior=0.0))
    # From a: d twice, b and c once each; b is kept. The probability is still out of all four.
    assert [edge[:3] for edge in _edges(table) if edge[0] == 0] == [(0, 1, 0.25), (0, 3, 0.5)]


def _pair_edges(table: ItemTable) -> dict[tuple[int, int, int], tuple[float, float]]:
    n = table.n_items
    row, following = np.divmod(table.pair_transition_key, n)
    assert np.searchsorted(row, np.arange(len(table.pair_key) + 1)).tolist() == (
        table.pair_transition_ptr.tolist()
    )
    pair = table.pair_key[row]
    found = zip(
        pair // n,
        pair % n,
        following,
        table.pair_transition_probability,
        table.pair_transition_support,
        strict=True,
    )
    return {(int(a), int(b), int(c)): (float(p), float(s)) for a, b, c, p, s in found}


def test_two_items_in_a_row_have_their_own_successors(tmp_path: Path) -> None:
    events = [*_path(0, "abc"), *_path(1, "aabbc"), *_path(2, "aba"), *_path(3, "bc")]
    config = FeatureConfig(transition_prior=1.0, pair_min_support=1)
    table = _table(tmp_path, events, config)
    # After a, b: c twice (a repeat is no visit of its own), back to a once.
    assert _pair_edges(table) == {(0, 1, 0): (1 / (3 + 1), 1), (0, 1, 2): (2 / (3 + 1), 2)}


def test_two_items_in_a_row_are_within_one_session(tmp_path: Path) -> None:
    events = [*_path(0, "ab"), *_path(0, "cd", START + DAY), *_path(1, "abcd")]
    table = _table(tmp_path, events, FeatureConfig(pair_min_support=1))
    assert sorted(_pair_edges(table)) == [(0, 1, 2), (1, 2, 3)]


def test_rare_successors_of_two_items_are_left_out_but_counted(tmp_path: Path) -> None:
    events = [*_path(0, "abc"), *_path(1, "abc"), *_path(2, "aba")]
    config = FeatureConfig(transition_prior=0.0, pair_min_support=2)
    edges = _pair_edges(_table(tmp_path, events, config))
    assert edges == {(0, 1, 2): (float(np.float32(2 / 3)), 2)}


def test_categories_follow_each_other_and_themselves(tmp_path: Path) -> None:
    events = [*_path(0, "abcd"), *_path(1, "ab"), *_path(2, "ae")]
    placed = {"a": "x", "b": "x", "c": "y", "d": "lost"}
    properties = [Property(item, "categoryid", value, START) for item, value in placed.items()]
    clean = write_shop(tmp_path / "clean", events, properties, [("x", None), ("y", None)])
    config = FeatureConfig(transition_prior=1.0)
    table = ItemTable.assemble(build_all(clean, tmp_path / "out", CUT, config))
    assert table.category_ids == ("x", "y", "lost")
    # x to x twice, x to y once, y to lost once; e has no category.
    assert table.category_transition_key.tolist() == [0, 1, 3 + 2]
    assert table.category_transition_ptr.tolist() == [0, 2, 3, 3]
    assert table.category_transition_support.tolist() == [2, 1, 1]
    expected = [2 / (3 + 1), 1 / (3 + 1), 1 / (1 + 1)]
    assert table.category_transition_probability.tolist() == pytest.approx(expected)
