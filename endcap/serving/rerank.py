"""A list that a shop gives, put in a visitor's order."""

from collections.abc import Sequence

import numpy as np

from endcap.dataset.histories import Histories
from endcap.serving.boosting import boosted
from endcap.serving.given import as_candidates
from endcap.serving.model import ServingModel
from endcap.serving.recommend import score
from endcap.serving.rows import Rows, source_codes, to_slates
from endcap.serving.slates import Slate, SlateRequest


def rerank(
    model: ServingModel, history: Histories, items: Sequence[int], request: SlateRequest
) -> Slate:
    """Return the items, each once, best first for the one visitor of `history`.

    `items`: codes. No rule holds, no item is left out: of `request` only boosts, confidence
    and outcome count. Equal scores by item code.
    """
    item = np.asarray(sorted(set(items)), dtype=np.int32)
    candidates = as_candidates(model, history, item)
    recent = history.newest(model.config.retrieval.max_history)
    plain = score(model, recent, candidates)
    visitor = np.zeros(len(item), dtype=np.int64)
    lifted = boosted(plain, item, visitor, request.boosts)
    order = np.lexsort((item, -lifted))
    rows = Rows(
        visitor=visitor,
        item=item[order],
        score=lifted[order],
        plain=plain[order],
        source=source_codes(candidates.ranks)[order],
    )
    return to_slates(model, rows, 1, request)[0]
