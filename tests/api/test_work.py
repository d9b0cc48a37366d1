import asyncio
import inspect
import threading
from typing import cast

import pytest
from starlette.responses import PlainTextResponse, Response

from api.service import Service
from api.work import THREADS, provide_threads, worked_out


class _Service:
    def __init__(self, *, one_at_a_time: bool) -> None:
        self.one_at_a_time = one_at_a_time


@pytest.mark.parametrize("one_at_a_time", [True, False])
def test_an_answer_is_worked_out_at_once_or_in_another_thread(one_at_a_time: bool) -> None:
    service = cast("Service", _Service(one_at_a_time=one_at_a_time))
    threads: list[int] = []

    @worked_out(service)
    def twice(n: int) -> Response:
        """Double a number."""
        threads.append(threading.get_ident())
        return PlainTextResponse(str(2 * n))

    answer = asyncio.run(_call(twice(n=4)))
    assert answer.body == b"8"
    assert (threads == [threading.get_ident()]) is one_at_a_time
    assert (twice.__name__, twice.__doc__) == ("twice", "Double a number.")
    assert list(inspect.signature(twice).parameters) == ["n"]


def test_many_wait_side_by_side() -> None:
    gate = threading.Barrier(THREADS, timeout=30)

    @worked_out(cast("Service", _Service(one_at_a_time=False)))
    def waiting() -> Response:
        gate.wait()
        return PlainTextResponse("")

    async def all_of_them() -> list[Response]:
        provide_threads(asyncio.get_running_loop())
        return await asyncio.gather(*(_call(waiting()) for _ in range(THREADS)))

    assert len(asyncio.run(all_of_them())) == THREADS


def test_what_goes_wrong_in_a_thread_reaches_the_caller() -> None:
    @worked_out(cast("Service", _Service(one_at_a_time=False)))
    def broken() -> Response:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(_call(broken()))


async def _call(answer: object) -> Response:
    return await answer  # type: ignore[misc, no-any-return]
