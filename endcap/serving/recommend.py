"""History to slate: candidates, rules, features, ranking, intervals, top k."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.ranking.scoring import score_candidates
from endcap.retrieval.union import Candidates, propose_candidates, score_all
from endcap.serving.boosting import boosted
from endcap.serving.ladder import climb
from endcap.serving.model import ServingModel
from endcap.serving.rows import RUNG_SOURCE, Rows, source_codes, to_slates
from endcap.serving.rules import Rules, keep_allowed, within_cap
from endcap.serving.slates import Slate, SlateRequest
from endcap.serving.taking import Taking, popularity_columns
from endcap.stages import INTERVALS, RETRIEVAL, RULES, OnStage, untimed

VISITORS_AT_ONCE: Final = 500


def recommend(
    model: ServingModel,
    histories: Histories,
    request: SlateRequest,
    *,
    on_stage: OnStage = untimed,
) -> list[Slate]:
    """Return one slate a visitor, in order.

    A slate has `request.k` distinct items, fewer only where the catalogue has no more that the
    request allows. Retrieved candidates come first, by the ranker's score, boosts added, and then
    by item code; `endcap.serving.ladder` fills what is left. An empty history or one of unknown
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
    on_stage
        Told when each of `endcap.stages` but the history begins.
    """
    slates: list[Slate] = []
    for start in range(0, len(histories), VISITORS_AT_ONCE):
        batch = histories.slice(start, min(start + VISITORS_AT_ONCE, len(histories)))
        slates.extend(_serve(model, batch, request, on_stage))
    return slates


def _serve(
    model: ServingModel, histories: Histories, request: SlateRequest, on_stage: OnStage
) -> list[Slate]:
    recent = histories.newest(model.config.retrieval.max_history)
    with on_stage(RETRIEVAL):
        proposed = propose_candidates(model.sources, recent, model.config.retrieval)
    with on_stage(RULES):
        rules = Rules.of(request, histories, model)
        candidates = keep_allowed(proposed, rules)
    scores = score(model, recent, candidates, on_stage)
    with on_stage(RULES):
        visitor = candidates.rows()
        lifted = boosted(scores, candidates.item, visitor, request.boosts)
        best = _best_rows(candidates, lifted, model, request)
        shown = Rows(
            visitor=visitor[best],
            item=candidates.item[best],
            score=lifted[best],
            plain=scores[best],
            source=source_codes(candidates.ranks[best]),
        )
        short = np.flatnonzero(np.bincount(shown.visitor, minlength=len(histories)) < request.k)
        fills = [_fill(model, recent, rules, shown, int(visitor), request) for visitor in short]
    with on_stage(INTERVALS):
        return to_slates(model, Rows.joined([shown, *fills]), len(histories), request)


def score(
    model: ServingModel,
    histories: Histories,
    candidates: Candidates,
    on_stage: OnStage = untimed,
) -> NDArray[np.float64]:
    """Return the ranker's score of every candidate row, float64 (m,)."""
    return score_candidates(
        model.scorer,
        histories,
        candidates,
        model.items,
        model.config.features,
        model.event_weights,
        on_stage,
    )


def _best_rows(
    candidates: Candidates,
    scores: NDArray[np.float64],
    model: ServingModel,
    request: SlateRequest,
) -> NDArray[np.int64]:
    """Return the rows of every visitor's first `k`, visitor by visitor, best first."""
    visitor = candidates.rows()
    by_score = (candidates.item, -scores)
    order = np.lexsort(by_score if len(candidates) == 1 else (*by_score, visitor))
    if request.max_per_category is not None:
        category = model.items.category[candidates.item[order]]
        order = order[within_cap(visitor[order], category, request.max_per_category)]
    if len(candidates) == 1:
        return order[: request.k]
    starts = np.searchsorted(visitor[order], np.arange(len(candidates)))
    first: NDArray[np.bool_] = np.arange(len(order)) - starts[visitor[order]] < request.k
    return order[first]


def _fill(
    model: ServingModel,
    histories: Histories,
    rules: Rules,
    shown: Rows,
    visitor: int,
    request: SlateRequest,
) -> Rows:
    """Return what completes one visitor's slate, best first."""
    own = shown.item[shown.visitor == visitor]
    taking = Taking(rules, visitor, own, request.max_per_category)
    history = histories.slice(visitor, visitor + 1)
    found = climb(model, history, taking.take, request.k - len(own))
    scores, ranks = popularity_columns(found.item, model)
    ptr = np.asarray([0, len(found.item)], dtype=np.int64)
    candidates = Candidates.unlikened(ptr, found.item, scores, ranks)
    score_all(candidates, model.sources, history, model.config.retrieval)
    plain = score(model, history, candidates)
    lifted = boosted(plain, found.item, np.zeros(len(plain), dtype=np.int64), request.boosts)
    order = np.lexsort((found.item, -lifted))
    return Rows(
        visitor=np.full(len(order), visitor, dtype=np.int64),
        item=found.item[order],
        score=lifted[order],
        plain=plain[order],
        source=RUNG_SOURCE[found.rung[order]],
    )
