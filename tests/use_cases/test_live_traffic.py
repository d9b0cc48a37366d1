from dataclasses import asdict

import pytest

from endcap.ports import EVENTS, EXPOSURES, Record, VisitorEvent
from endcap.use_cases.collect_metrics import followed_share
from endcap.use_cases.live_traffic import Exposure, read_events, read_exposures
from tests.use_cases.fakes import MemoryLog

HOUR_MS = 3_600_000


def event(
    name: str,
    time_ms: int,
    *,
    user: str = "ann",
    item: str = "a",
    recommendation_id: str | None = None,
) -> VisitorEvent:
    return VisitorEvent(name, user, item, "view", time_ms, None, recommendation_id)


def log_of(*events: VisitorEvent, received_ms: int = 100) -> MemoryLog:
    log = MemoryLog()
    log.append(EVENTS, [Record(received_ms, asdict(one)) for one in events])
    return log


def test_a_windows_events_come_once_by_visitor_and_time() -> None:
    log = log_of(
        event("2", 60), event("1", 50), event("9", 55, user="aaron"), event("2", 61), event("x", 9)
    )

    found = read_events(log, since_ms=10, until_ms=100)

    assert [(one.user_id, one.event_id, one.time_ms) for one in found] == [
        ("aaron", "9", 55),
        ("ann", "1", 50),
        ("ann", "2", 60),
    ]


def test_a_window_ends_before_its_end() -> None:
    log = log_of(event("1", 99), event("2", 100))
    assert [one.event_id for one in read_events(log, since_ms=0, until_ms=100)] == ["1"]


def test_exposures_come_once() -> None:
    log = MemoryLog()
    fields = {"recommendation_id": "r", "user_id": None, "model_version": "m", "items": ["a", "b"]}
    log.append(EXPOSURES, [Record(10, fields), Record(11, fields), Record(99, {**fields})])

    (found,) = read_exposures(log, since_ms=0, until_ms=90)

    assert found == Exposure("r", None, frozenset("ab"), 10)


@pytest.mark.parametrize(
    ("happened", "share"),
    [
        (event("1", 1000 + HOUR_MS), 1.0),
        (event("1", 1001 + HOUR_MS), 0.0),
        (event("1", 999), 0.0),
        (event("1", 1500, item="z"), 0.0),
        (event("1", 1500, user="bob"), 0.0),
        (event("1", 9 * HOUR_MS, user="guest", item="z", recommendation_id="r"), 1.0),
    ],
)
def test_an_answer_was_followed_in_time_or_by_name(happened: VisitorEvent, share: float) -> None:
    shown = [Exposure("r", "ann", frozenset("ab"), 1000)]
    assert followed_share(shown, [happened], horizon_ms=HOUR_MS) == share


def test_without_answers_nothing_was_followed_or_not() -> None:
    assert followed_share([], [event("1", 5)], horizon_ms=HOUR_MS) is None
