import numpy as np
import pytest

from endcap.dataset.histories import EventTypes, Histories
from endcap.serving.model import ServingModel
from endcap.serving.requests import GivenEvent, GivenHistory, to_histories
from tests.serving.small_shop import fitted_model

DEFAULT_MS = 5_000


@pytest.fixture(scope="module")
def model() -> ServingModel:
    return fitted_model()


def event(item: int | str, time_ms: int | None = None, event_type: str = "view") -> GivenEvent:
    return GivenEvent(item if isinstance(item, str) else f"sku-{item}", event_type, time_ms)


def histories_of(model: ServingModel, *given: GivenHistory) -> Histories:
    return to_histories(given, model, default_now_ms=DEFAULT_MS)


def test_ids_become_codes_and_unknown_ones_minus_one(model: ServingModel) -> None:
    given = GivenHistory([event(3, 1), event("unheard of", 2), event(59, 3), event("SKU-3", 4)])

    histories = histories_of(model, given)

    assert histories.item.tolist() == [3, -1, 59, -1]
    assert histories.ptr.tolist() == [0, 4]
    assert [
        array.dtype
        for array in (
            histories.ptr,
            histories.item,
            histories.event_type,
            histories.time_ms,
            histories.now_ms,
        )
    ] == [np.int64, np.int32, np.int8, np.int64, np.int64]
    assert histories.time_ms.flags.c_contiguous


def test_events_are_sorted_by_time_and_equal_ones_keep_their_order(model: ServingModel) -> None:
    given = GivenHistory([event(1, 30), event(2, 10), event(3, 30), event(4, 10)])

    histories = histories_of(model, given)

    assert histories.item.tolist() == [2, 4, 1, 3]
    assert histories.time_ms.tolist() == [10, 10, 30, 30]


@pytest.mark.parametrize(
    ("now_ms", "kept", "moment"), [(None, [1, 2, 3], 30), (30, [1, 2, 3], 30), (29, [1, 2], 29)]
)
def test_what_happens_after_now_is_left_out(
    model: ServingModel, now_ms: int | None, kept: list[int], moment: int
) -> None:
    given = GivenHistory([event(1, 10), event(2, 20), event(3, 30)], now_ms)

    histories = histories_of(model, given)

    assert histories.item.tolist() == kept
    assert histories.now_ms.tolist() == [moment]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([None, None], [DEFAULT_MS, DEFAULT_MS]),
        ([7, None], [7, 7]),
        ([None, 7], [7, 7]),
        ([None, 7, None, 9, None], [7, 7, 7, 9, 9]),
    ],
)
def test_an_event_without_a_time_happened_with_its_neighbour(
    model: ServingModel, times: list[int | None], told: list[int]
) -> None:
    given = GivenHistory([event(code, time_ms) for code, time_ms in enumerate(times)])

    histories = histories_of(model, given)

    assert histories.time_ms.tolist() == told
    assert histories.item.tolist() == list(range(len(times)))
    assert histories.now_ms.tolist() == [max(told)]


def test_an_event_without_a_time_that_follows_a_future_one_is_in_the_future(
    model: ServingModel,
) -> None:
    given = GivenHistory([event(1, 10), event(2, 99), event(3)], 50)

    assert histories_of(model, given).item.tolist() == [1]


def test_a_history_that_tells_no_time_happens_at_its_own_now(model: ServingModel) -> None:
    histories = histories_of(model, GivenHistory([event(1), event(2)], 77))

    assert histories.time_ms.tolist() == [77, 77]
    assert histories.now_ms.tolist() == [77]


def test_many_histories_empty_ones_among_them_are_laid_one_after_another(
    model: ServingModel,
) -> None:
    histories = histories_of(
        model, GivenHistory([]), GivenHistory([event(1, 10)]), GivenHistory([], 3), GivenHistory([])
    )

    assert histories.ptr.tolist() == [0, 0, 1, 1, 1]
    assert histories.now_ms.tolist() == [DEFAULT_MS, 10, 3, DEFAULT_MS]


def test_no_histories_at_all_are_none(model: ServingModel) -> None:
    histories = histories_of(model)

    assert len(histories) == 0
    assert histories.ptr.tolist() == [0]
    assert histories.item.dtype == np.int32


def test_event_types_are_read_in_the_shops_spelling_and_unknown_ones_as_views() -> None:
    base = fitted_model()
    model = ServingModel(
        sources=base.sources,
        items=base.items,
        scorer=base.scorer,
        calibration=base.calibration,
        item_ids=base.item_ids,
        event_types=EventTypes(aliases=(("buy", "transaction"),)),
        config=base.config,
    )
    names = ["view", "addtocart", "transaction", "buy", "wishlist", ""]

    histories = histories_of(
        model, GivenHistory([event(1, time_ms, name) for time_ms, name in enumerate(names)])
    )

    assert histories.event_type.tolist() == [0, 1, 2, 2, 0, 0]
