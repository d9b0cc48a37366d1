import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.sessions import SessionCuts, cut_sessions

MINUTE = 60_000
VIEW, CART, BUY = 0, 1, 2

Event = tuple[int, int, int, int, bool]
"""Minute, user, item, type, bot."""

_events = st.lists(
    st.tuples(
        st.integers(0, 90), st.integers(0, 2), st.integers(0, 3), st.integers(0, 2), st.booleans()
    ),
    max_size=25,
).map(sorted)


def _cut(events: list[Event]) -> SessionCuts:
    minute, user, item, kind, bot = np.array(events, dtype=np.int64).reshape(-1, 5).T
    return cut_sessions(
        user.astype(np.int32),
        item.astype(np.int32),
        kind.astype(np.int8),
        minute * MINUTE,
        bot.astype(np.bool_),
        timeout_minutes=30.0,
    )


def _views(*events: tuple[int, int, int]) -> SessionCuts:
    return _cut([(minute, user, item, VIEW, False) for minute, user, item in events])


def test_a_session_lasts_while_no_gap_is_longer_than_the_timeout() -> None:
    cuts = _views((0, 0, 1), (30, 0, 2), (61, 0, 3))
    assert (cuts.session.tolist(), cuts.place.tolist()) == ([0, 0, 1], [0, 1, 0])
    assert cuts.following.tolist() == [1, -1, -1]
    assert cuts.count == 2


def test_codes_are_in_order_of_the_first_events() -> None:
    cuts = _views((0, 5, 1), (1, 3, 1), (2, 5, 1), (40, 5, 1), (41, 4, 1))
    assert cuts.session.tolist() == [0, 1, 0, 2, 3]


def test_a_visit_knows_the_two_visits_before_it() -> None:
    # Items 1, 2 2, 1, 3: what repeats the event before begins no visit.
    cuts = _views((0, 0, 1), (1, 0, 2), (2, 0, 2), (3, 0, 1), (4, 0, 3))
    assert cuts.previous.tolist() == [-1, 1, -1, 2, 1]
    assert cuts.before.tolist() == [-1, -1, -1, 1, 2]


def test_visits_of_another_session_or_visitor_are_unknown() -> None:
    cuts = _views((0, 0, 1), (1, 1, 2), (60, 0, 2), (61, 0, 3))
    assert cuts.previous.tolist() == [-1, -1, -1, 2]
    assert cuts.before.tolist() == [-1, -1, -1, -1]


def test_events_of_one_moment_go_by_type_then_item() -> None:
    cuts = _cut([(0, 0, 7, BUY, False), (0, 0, 9, VIEW, False), (0, 0, 8, VIEW, False)])
    assert cuts.place.tolist() == [2, 1, 0]
    assert cuts.previous.tolist() == [9, 8, -1]


def test_bots_are_in_no_session() -> None:
    cuts = _cut([(0, 0, 1, VIEW, False), (1, 0, 2, VIEW, True)])
    assert cuts.session.tolist() == [0, -1]
    assert cuts.following.tolist() == [-1, -1]


def test_no_events_make_no_sessions() -> None:
    assert _cut([]).count == 0
    assert _cut([(0, 0, 1, VIEW, True)]).count == 0


@given(_events, st.integers(0, 91))
def test_nothing_but_the_next_event_depends_on_what_comes_later(
    events: list[Event], cut: int
) -> None:
    early = [event for event in events if event[0] < cut]
    whole, short = _cut(events), _cut(early)
    for name in ("session", "place", "previous", "before"):
        assert getattr(whole, name)[: len(early)].tolist() == getattr(short, name).tolist()
    known = np.where(whole.following[: len(early)] < len(early), whole.following[: len(early)], -1)
    assert known.tolist() == short.following.tolist()
