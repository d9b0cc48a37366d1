"""Histories of one catalogue in the codes of another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import EventTypes, Histories
from endcap.serving.model import ServingModel


def recode_for(
    model: ServingModel, histories: Histories, *, item_ids: Sequence[str], event_types: EventTypes
) -> Histories:
    """Return histories of one log in the codes of a model that was trained on another.

    `item_ids` and `event_types` by the log's codes. An item that the model does not know gets code
    -1; an event type that it does not know counts as a view.
    """
    return recoded_histories(
        histories,
        np.array([model.item_codes.get(item_id, -1) for item_id in item_ids], dtype=np.int32),
        np.array([max(model.event_types.code(name), 0) for name in event_types.names], np.int8),
    )


def recoded_histories(
    histories: Histories, item_code_of: NDArray[np.int32], type_code_of: NDArray[np.int8]
) -> Histories:
    """Return histories in other codes.

    `item_code_of` int32 (items,): the new code by the old one, or -1; an unknown item (-1) stays
    unknown. `type_code_of` int8 (event types,): likewise for the event types.
    """
    codes = np.append(item_code_of, np.int32(-1))  # so that code -1 finds -1
    return Histories(
        ptr=histories.ptr,
        item=codes[histories.item],
        event_type=type_code_of[histories.event_type],
        time_ms=histories.time_ms,
        now_ms=histories.now_ms,
    )
