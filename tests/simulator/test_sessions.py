import numpy as np

from endcap.simulator.randomness import stream
from endcap.simulator.scales import DAY_MS, HOUR_MS, TINY
from endcap.simulator.season import season_of
from endcap.simulator.sessions import plan_views


def test_each_visitor_gets_the_views_asked_for_in_order() -> None:
    counts = np.array([1, 5, 2, 40])
    views = plan_views(counts, TINY, stream(0, "sessions"))
    assert np.bincount(views.visitor).tolist() == counts.tolist()
    same = views.visitor[1:] == views.visitor[:-1]
    assert (np.diff(views.time_ms)[same] > 0).all()
    assert views.opens[views.ptr[:-1]].all()


def test_sessions_are_an_hour_apart_even_of_the_busiest() -> None:
    views = plan_views(np.array([1_500]), TINY, stream(0, "sessions"))
    opening = np.flatnonzero(views.opens)[1:]
    assert (views.time_ms[opening] - views.time_ms[opening - 1] >= HOUR_MS).all()
    assert views.time_ms[0] >= TINY.start_ms
    assert views.time_ms[-1] < TINY.end_ms - HOUR_MS


def test_the_median_session_of_three_views_or_more_has_four() -> None:
    views = plan_views(np.full(2_000, 30), TINY, stream(0, "sessions"))
    lengths = np.bincount(views.session)
    assert np.median(lengths[lengths >= 3]) == 4


def test_traffic_is_even_from_week_to_week_and_low_at_weekends() -> None:
    views = plan_views(np.full(20_000, 1), TINY, stream(0, "sessions"))
    day = (views.time_ms - TINY.start_ms) // DAY_MS
    per_day = np.bincount(day, minlength=TINY.days)
    saturdays = per_day[6::7].mean()
    wednesdays = per_day[3::7].mean()
    assert 0.6 < saturdays / wednesdays < 0.8
    assert 0.8 < per_day[:7].sum() / per_day[49:56].sum() < 1.25


def test_the_season_spans_the_period() -> None:
    season = season_of(TINY)
    ends = season.moment(np.array([0.0, 1.0]))
    assert ends.tolist() == [TINY.start_ms, TINY.end_ms]
