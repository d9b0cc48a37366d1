from api.tallies import Count, Level, Times, to_text


def test_a_count_without_labels_starts_at_nothing() -> None:
    count = Count("lost", "What was lost.")
    assert b"\nlost_total 0.0\n" in to_text([count])
    count.add(n=3)
    assert b"\nlost_total 3.0\n" in to_text([count])


def test_a_count_is_kept_by_its_labels() -> None:
    count = Count("asked", "What was asked.", ["route", "status"])
    count.add("/a", "200")
    count.add("/a", "200")
    count.add("/a", '4"4')
    text = to_text([count]).decode()
    assert 'asked_total{route="/a",status="200"} 2.0' in text
    assert 'asked_total{route="/a",status="4\\"4"} 1.0' in text


def test_a_bound_counts_what_took_as_long_and_all_that_took_less() -> None:
    times = Times("took", "What it took.", "stage", (0.5, 1.0))
    for seconds in (0.25, 0.5, 0.75, 4.0):
        times.add("rank", seconds)
    text = to_text([times]).decode()
    for bound, n in (("0.5", 2), ("1.0", 3), ("+Inf", 4)):
        assert f'took_bucket{{le="{bound}",stage="rank"}} {n}.0' in text
    assert 'took_count{stage="rank"} 4.0' in text
    assert 'took_sum{stage="rank"} 5.5' in text


def test_levels_stand_with_and_without_a_label() -> None:
    text = to_text([Level("age", "How old.", 2), Level("up", "Who.", {"v1": 1.0}, "version")])
    assert text.endswith(b'\nage 2.0\n# HELP up Who.\n# TYPE up gauge\nup{version="v1"} 1.0\n')
