"""The feature matrix: item side, user side and sources, in the order of the registry."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from endcap.config_features import FeatureConfig
from endcap.dataset.histories import Histories
from endcap.features.context import write_context
from endcap.features.item_table import ItemTable
from endcap.features.registry import LIKENESS_NAMES, SOURCE_NAMES, names

_ITEM_STOP: Final = len(names("item"))
_USER_STOP: Final = _ITEM_STOP + len(names("user"))
_TOLD_STOP: Final = _USER_STOP + 2 * len(SOURCE_NAMES)


class Told(Protocol):
    """What the sources tell of the candidates of n visitors, in compressed sparse row form.

    `ptr` int64 (n + 1,), `item` int32 (m,); `scores` and `ranks` float32 (m, sources): the
    registry's `SOURCE_NAMES` in their order, NaN where a source tells nothing of the candidate;
    `likeness` float32 (m, 4): its `LIKENESS_NAMES`.
    """

    @property
    def ptr(self) -> NDArray[np.int64]: ...  # noqa: D102
    @property
    def item(self) -> NDArray[np.int32]: ...  # noqa: D102
    @property
    def scores(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def ranks(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def likeness(self) -> NDArray[np.float32]: ...  # noqa: D102


def feature_matrix(
    histories: Histories,
    candidates: Told,
    items: ItemTable,
    config: FeatureConfig,
    event_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the ranking features of each (visitor, candidate) row, float32 (m, len(FEATURES)).

    `candidates` are those of the visitors of `histories`; the rest as in
    `endcap.features.context.context_features`. A row does not depend on the other visitors.
    """
    out = np.empty((len(candidates.item), _TOLD_STOP + len(LIKENESS_NAMES)), dtype=np.float32)
    out[:, :_ITEM_STOP] = items.features[candidates.item]
    user_side = out[:, _ITEM_STOP:_USER_STOP]
    write_context(
        user_side, histories, candidates.ptr, candidates.item, items, config, event_weights
    )
    out[:, _USER_STOP:_TOLD_STOP:2] = candidates.scores
    out[:, _USER_STOP + 1 : _TOLD_STOP : 2] = candidates.ranks
    out[:, _TOLD_STOP:] = candidates.likeness
    return out
