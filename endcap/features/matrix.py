"""The feature matrix: item side, user side and sources, in the order of the registry."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features.context import write_context
from endcap.features.item_table import ItemTable
from endcap.features.registry import SOURCE_NAMES, names

_ITEM_STOP: Final = len(names("item"))
_USER_STOP: Final = _ITEM_STOP + len(names("user"))
_TOLD_STOP: Final = _USER_STOP + 2 * len(SOURCE_NAMES)
_STOP: Final = len(names())


def feature_matrix(
    histories: Histories,
    cand_ptr: NDArray[np.int64],
    cand_item: NDArray[np.int32],
    source_scores: NDArray[np.float32],
    source_ranks: NDArray[np.float32],
    likeness: NDArray[np.float32],
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the ranking features of each (visitor, candidate) row, float32 (m, len(FEATURES)).

    `source_scores` and `source_ranks` float32 (m, sources): the registry's `SOURCE_NAMES` in their
    order, NaN where a source did not propose the candidate. `likeness` float32 (m, 4): the last
    features of the registry. The rest as in
    `endcap.features.context.context_features`. A row does not depend on the other visitors.
    """
    out = np.empty((len(cand_item), _STOP), dtype=np.float32)
    out[:, :_ITEM_STOP] = items.features[cand_item]
    user_side = out[:, _ITEM_STOP:_USER_STOP]
    write_context(user_side, histories, cand_ptr, cand_item, items, config, event_weights)
    out[:, _USER_STOP:_TOLD_STOP:2] = source_scores
    out[:, _USER_STOP + 1 : _TOLD_STOP : 2] = source_ranks
    out[:, _TOLD_STOP:] = likeness
    return out
