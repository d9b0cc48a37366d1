import threading

from api.background import Background, Duty
from endcap.errors import LakeError


def test_a_duty_is_performed_when_it_is_asked_for() -> None:
    done = threading.Event()
    background = Background([Duty("a", 3600, done.set)])
    background.start()
    background.ask("a")
    assert done.wait(10)
    background.stop()


def test_a_duty_is_performed_in_its_time() -> None:
    done = threading.Semaphore(0)
    background = Background([Duty("a", 0.01, done.release)])
    background.start()
    assert all(done.acquire(timeout=10) for _ in range(3))
    background.stop()


def test_a_duty_that_fails_comes_up_again_and_stops_no_other() -> None:
    failures = [LakeError("away"), ValueError("a defect")]
    done = threading.Event()

    def failing() -> None:
        if failures:
            raise failures.pop()
        done.set()

    background = Background([Duty("failing", 0.01, failing)])
    background.start()
    assert done.wait(10)
    background.stop()


def test_stopping_without_having_started_is_allowed() -> None:
    Background([Duty("a", 1, print)]).stop()


def test_starting_twice_is_starting_once() -> None:
    background = Background([Duty("a", 3600, print)])
    before = threading.active_count()
    background.start()
    background.start()
    assert threading.active_count() == before + 1
    background.stop()
