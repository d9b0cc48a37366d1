"""History to slate: candidates, rules, features, ranking, intervals, top k."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.ranking.scoring import score_candidates
from endcap.retrieval.union import SOURCES, Candidates, propose_candidates
from endcap.serving.model import ServingModel
from endcap.serving.rules import Forbidden, fill, keep_allowed
from endcap.serving.slates import CATALOGUE, Slate, SlateItem, SlateRequest

VISITORS_AT_ONCE: Final = 500
_SOURCE_NAMES: Final = (*SOURCES, CATALOGUE)


def recommend(model: ServingModel, histories: Histories, request: SlateRequest) -> list[Slate]:
    """Return one slate a visitor, in order.

    A slate has `request.k` distinct items, fewer only where the catalogue has no more that the
    request allows. Retrieved candidates come first, by the ranker's score and then by item code;
    popular items, then any of the catalogue, fill what is left. An empty history or one of unknown
    items alone is served like any other. A visitor's slate is the same to the bit alone and in any
    batch.

    Parameters
    ----------
    model
        The bundle that is served.
    histories
        What the visitors did, the whole of it: the newest `config.retrieval.max_history` events
        are ranked by, all of them count as seen.
    request
        What to return.
    """
    slates: list[Slate] = []
    for start in range(0, len(histories), VISITORS_AT_ONCE):
        batch = histories.slice(start, min(start + VISITORS_AT_ONCE, len(histories)))
        slates.extend(_serve(model, batch, request))
    return slates


def _serve(model: ServingModel, histories: Histories, request: SlateRequest) -> list[Slate]:
    recent = histories.newest(model.config.retrieval.max_history)
    forbidden = Forbidden.by(histories, request, model.n_items)
    proposed = propose_candidates(model.sources, recent, model.config.retrieval)
    candidates, added = fill(keep_allowed(proposed, forbidden), forbidden, model, request.k)
    scores = score_candidates(
        model.scorer,
        recent,
        candidates,
        model.items,
        model.config.features,
        model.event_weights,
    )
    best = _best_rows(candidates, scores, added, request.k)
    # An item that only fills a place never outscores one that was retrieved.
    shown = _never_rising(scores[best], candidates.rows()[best])
    lower, upper = model.calibration.interval(shown, request.confidence)
    rows = list(
        map(
            SlateItem,
            candidates.item[best].tolist(),
            shown.tolist(),
            model.calibration.probability_of(shown).tolist(),
            lower.tolist(),
            upper.tolist(),
            [_SOURCE_NAMES[code] for code in _source_codes(candidates.ranks[best]).tolist()],
        )
    )
    ends = np.searchsorted(candidates.rows()[best], np.arange(len(histories) + 1)).tolist()
    return [Slate(tuple(rows[low:high])) for low, high in pairwise(ends)]


def _best_rows(
    candidates: Candidates, scores: NDArray[np.float64], added: NDArray[np.bool_], k: int
) -> NDArray[np.int64]:
    """Return the rows of every visitor's first `k`, visitor by visitor, best first."""
    visitor = candidates.rows()
    order = np.lexsort((candidates.item, -scores, added, visitor))
    return order[np.arange(len(order)) - candidates.ptr[visitor] < k]


def _never_rising(scores: NDArray[np.float64], visitor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores, each lowered to the lowest before it in its visitor's slate."""
    if np.all((scores[1:] <= scores[:-1]) | (visitor[1:] != visitor[:-1])):
        return scores
    starts = np.flatnonzero(np.diff(visitor, prepend=-1))
    return np.concatenate([np.minimum.accumulate(part) for part in np.split(scores, starts[1:])])


def _source_codes(ranks: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the column of each row's best rank, the first of equals; the last code for none."""
    return np.where(
        np.isnan(ranks).all(axis=1),
        len(_SOURCE_NAMES) - 1,
        np.argmin(np.where(np.isnan(ranks), np.inf, ranks), axis=1),
    )
