"""What is in demand, as far as a caller wants to see it."""

import numpy as np

from endcap.serving.filters import ItemFilter
from endcap.serving.model import ServingModel
from endcap.serving.trending import Board


def in_demand(model: ServingModel, *, window_days: int, filters: ItemFilter, k: int) -> Board:
    """Return the first `k` of a board, of `trending.WINDOWS_DAYS`, that the filters allow."""
    board = model.board(window_days)
    allowed = np.flatnonzero(filters.allows(board.item, model.items))[:k]
    return Board(board.item[allowed], board.demand[allowed])
