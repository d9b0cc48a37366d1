import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import EventTypes, Histories
from endcap.serving.model import ServingModel
from endcap.use_cases.recoding import recode_for, recoded_histories
from tests.serving.small_shop import fitted_model


def histories(item: list[int], event_type: list[int]) -> Histories:
    n = len(item)
    return Histories(
        ptr=np.array([0, n], dtype=np.int64),
        item=np.array(item, dtype=np.int32),
        event_type=np.array(event_type, dtype=np.int8),
        time_ms=np.arange(n, dtype=np.int64),
        now_ms=np.array([n], dtype=np.int64),
    )


def codes(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def test_items_get_their_new_codes_and_unknown_ones_stay_unknown() -> None:
    given = histories([0, 1, 2, -1, 0], [0, 1, 0, 1, 0])

    recoded = recoded_histories(given, codes(7, -1, 3), np.array([0, 2], dtype=np.int8))

    assert recoded.item.tolist() == [7, -1, 3, -1, 7]
    assert recoded.event_type.tolist() == [0, 2, 0, 2, 0]
    assert recoded.item.dtype == np.int32
    assert recoded.event_type.dtype == np.int8
    assert recoded.ptr is given.ptr
    assert recoded.time_ms is given.time_ms
    assert given.item.tolist() == [0, 1, 2, -1, 0]


def test_an_empty_catalogue_and_an_empty_history_are_recoded() -> None:
    nothing = codes()
    one_type = np.zeros(1, dtype=np.int8)

    assert recoded_histories(histories([-1], [0]), nothing, one_type).item.tolist() == [-1]
    assert recoded_histories(histories([], []), nothing, one_type).item.tolist() == []


def test_a_model_is_asked_by_ids_and_by_names_of_event_types() -> None:
    model: ServingModel = fitted_model()
    types = EventTypes(
        names=("view", "addtocart", "transaction", "wishlist"), weights=(1.0, 2.0, 3.0, 1.5)
    )

    recoded = recode_for(
        model,
        histories([0, 1, 2, 0], [3, 2, 1, 0]),
        item_ids=["sku-5", "unheard of", "sku-0"],
        event_types=types,
    )

    assert recoded.item.tolist() == [5, -1, 0, 5]
    assert recoded.event_type.tolist() == [0, 2, 1, 0]
