from dataclasses import replace

import numpy as np
import pytest

from endcap.dataset.histories import Histories
from endcap.retrieval import near_items
from endcap.retrieval.als import AlsSource
from endcap.retrieval.fold_in import gram_inverse
from endcap.retrieval.near_items import list_near_items
from endcap.retrieval.source import Proposals, interleave_proposals

N_ITEMS, N_LISTED, N_PROPOSED, WIDTH = 3_000, 2_500, 2_000, 16


@pytest.fixture(autouse=True)
def small_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_items, "WORTH_LISTING", 100)


def source(length: int) -> AlsSource:
    """Items in clusters; the last ones are not proposed, and the very last not listed."""
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(60, WIDTH))
    around = centres[rng.integers(60, size=N_ITEMS)]
    factors = (around + 0.4 * rng.normal(size=(N_ITEMS, WIDTH))).astype(np.float32)
    inverse = gram_inverse(factors, 10.0)
    norm = float(np.linalg.norm(factors, axis=1).max())
    near = list_near_items(
        factors[:N_LISTED], inverse, n_proposed=N_PROPOSED, length=length, largest_norm=norm
    )
    return AlsSource(
        code=np.arange(N_ITEMS, dtype=np.int32),
        n_proposed=N_PROPOSED,
        item_factors=factors,
        inverse=inverse,
        event_weights=np.array([1, 2, 3], dtype=np.float32),
        alpha=500.0,
        half_life_events=1.5,
        query_events=50,
        largest_norm=norm,
        near=near,
    )


def visitors(n: int, *, most: int = N_LISTED) -> Histories:
    rng = np.random.default_rng(7)
    lengths = rng.integers(0, 9, n)
    ptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    return Histories(
        ptr=ptr,
        item=rng.integers(-1, most, ptr[-1]).astype(np.int32),
        event_type=rng.integers(0, 3, ptr[-1]).astype(np.int8),
        time_ms=np.arange(ptr[-1]),
        now_ms=np.full(n, ptr[-1]),
    )


def of(proposals: Proposals, visitor: int) -> dict[int, float]:
    part = slice(proposals.ptr[visitor], proposals.ptr[visitor + 1])
    return dict(zip(proposals.item[part].tolist(), proposals.score[part].tolist(), strict=True))


def exact(als: AlsSource) -> AlsSource:
    return replace(als, near=np.zeros((0, 0), dtype=np.int32))


def test_almost_all_of_the_best_are_found_and_their_scores_are_the_same_to_the_bit() -> None:
    als, histories = source(200), visitors(300)

    listed, all_of_them = als.propose(histories, 100), exact(als).propose(histories, 100)

    found = asked = 0
    for visitor in range(len(histories)):
        near, best = of(listed, visitor), of(all_of_them, visitor)
        assert all(near[item] == best[item] for item in near.keys() & best.keys())
        found, asked = found + len(near.keys() & best.keys()), asked + len(best)
    assert asked > 10_000
    # These visitors jump about; of real ones 0.998 is found.
    assert found / asked > 0.94


def test_lists_as_long_as_the_catalogue_find_everything() -> None:
    als, histories = source(N_PROPOSED), visitors(60)

    listed, best = als.propose(histories, 50), exact(als).propose(histories, 50)

    np.testing.assert_array_equal(listed.ptr, best.ptr)
    np.testing.assert_array_equal(listed.item, best.item)
    np.testing.assert_array_equal(listed.score, best.score)


def test_a_visitor_of_an_item_without_a_list_is_looked_up_among_all() -> None:
    als, histories = source(200), visitors(80, most=N_ITEMS)
    newest = histories.newest(near_items.NEWEST_EVENTS)
    rows = newest.rows()

    listed, best = als.propose(histories, 100), exact(als).propose(histories, 100)

    rare = {int(visitor) for visitor in rows[newest.item >= N_LISTED]}
    assert 10 < len(rare) < 80
    for visitor in rare:
        assert of(listed, visitor) == of(best, visitor)


def test_who_touched_one_item_alone_gets_the_best_of_all_from_the_head_of_its_list() -> None:
    als, item = source(200), np.arange(0, N_LISTED, 25, dtype=np.int32).repeat(2)
    histories = Histories(
        ptr=np.arange(0, len(item) + 1, 2),
        item=item,
        event_type=np.zeros(len(item), dtype=np.int8),
        time_ms=np.arange(len(item)),
        now_ms=np.full(len(item) // 2, len(item)),
    )
    heads = replace(als, near=np.pad(als.near[:, :100], ((0, 0), (0, 100))))

    listed, best = heads.propose(histories, 100), exact(als).propose(histories, 100)

    np.testing.assert_array_equal(listed.ptr, best.ptr)
    np.testing.assert_array_equal(listed.item, best.item)
    np.testing.assert_array_equal(listed.score, best.score)


def test_one_visitor_gets_what_a_batch_would_give() -> None:
    als, histories = source(200), visitors(90, most=N_ITEMS)
    together = als.propose(histories, 40)

    for visitor in range(len(histories)):
        alone = als.propose(histories.slice(visitor, visitor + 1), 40)
        assert of(alone, 0) == of(together, visitor)


def test_who_asks_for_more_than_lists_can_tell_gets_the_best_of_all() -> None:
    als, histories = source(200), visitors(20)

    listed, best = als.propose(histories, 101), exact(als).propose(histories, 101)

    np.testing.assert_array_equal(listed.item, best.item)


def test_a_small_catalogue_has_no_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_items, "WORTH_LISTING", N_PROPOSED + 1)
    assert source(200).near.shape == (0, 0)


def test_a_list_holds_proposed_items_alone_and_the_first_of_all_where_there_are_no_more() -> None:
    factors = np.zeros((200, 4), dtype=np.float32)
    factors[:50, 0] = 1.0
    factors[150:, 0] = 1.0

    near = list_near_items(factors, np.eye(4), n_proposed=120, length=60, largest_norm=1.0)

    assert near.dtype == np.uint16
    for owner in (0, 199):
        assert set(near[owner, :50].tolist()) == set(range(50))
        assert set(near[owner, 50:].tolist()) == {0}
    assert set(near[120].tolist()) == {0}


def test_proposals_of_two_kinds_come_back_in_the_visitors_order() -> None:
    def some(*counts: int) -> Proposals:
        ptr = np.append(0, np.cumsum(counts)).astype(np.int64)
        return Proposals(ptr, np.arange(ptr[-1], dtype=np.int32), np.ones(ptr[-1], np.float32))

    first, second = some(2, 0, 1), some(3)
    second = Proposals(second.ptr, second.item + np.int32(100), second.score)
    joined = interleave_proposals(np.array([True, False, True, True]), first, second)

    assert joined.ptr.tolist() == [0, 2, 5, 5, 6]
    assert joined.item.tolist() == [0, 1, 100, 101, 102, 2]


def test_neither_threads_nor_parts_change_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = source(40)

    def again(threads: int) -> np.ndarray:
        return list_near_items(
            whole.item_factors[:N_LISTED],
            whole.inverse,
            n_proposed=N_PROPOSED,
            length=40,
            largest_norm=whole.largest_norm,
            threads=threads,
        )

    monkeypatch.setattr(near_items, "_OWNERS_AT_ONCE", 70)
    assert np.array_equal(again(1), whole.near)
    assert np.array_equal(again(3), whole.near)
