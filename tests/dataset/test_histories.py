import numpy as np

from endcap.dataset.histories import Histories


def _histories(visits: list[list[int]]) -> Histories:
    items = [item for visit in visits for item in visit]
    return Histories(
        ptr=np.cumsum([0, *map(len, visits)]).astype(np.int64),
        item=np.array(items, dtype=np.int32),
        event_type=np.zeros(len(items), dtype=np.int8),
        time_ms=np.arange(len(items), dtype=np.int64),
        now_ms=np.full(len(visits), 99, dtype=np.int64),
    )


def test_the_newest_events_are_the_end_of_each_history() -> None:
    kept = _histories([[1, 2, 3], [], [4], [5, 6, 7, 8]]).newest(2)
    assert kept.item.tolist() == [2, 3, 4, 7, 8]
    assert kept.time_ms.tolist() == [1, 2, 3, 6, 7]
    assert kept.ptr.tolist() == [0, 2, 2, 3, 5]


def test_a_history_holds_what_its_own_visitor_touched() -> None:
    histories = _histories([[1, -1, 2], [], [3]])
    rows = np.array([0, 0, 0, 0, 1, 2, 2, 2])
    items = np.array([1, 2, 3, -1, 1, 3, 1, 9], dtype=np.int32)
    assert (
        histories.holds(rows, items).tolist() == [True, True] + [False] * 3 + [True] + [False] * 2
    )
    assert histories.holds(rows[:0], items[:0]).tolist() == []


def test_histories_within_the_limit_stay_as_they_are() -> None:
    short = _histories([[1], []])
    assert short.newest(2) is short


def test_a_visitor_with_ten_thousand_events_keeps_the_newest() -> None:
    kept = _histories([[7], list(range(10_000)), [8]]).newest(50)
    assert kept.lengths().tolist() == [1, 50, 1]
    assert kept.item[1:51].tolist() == list(range(9_950, 10_000))
