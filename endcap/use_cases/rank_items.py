"""A given list of items, in the order that one visitor would want them."""

from collections.abc import Sequence
from dataclasses import dataclass

from endcap.serving.answers import to_items
from endcap.serving.requests import read_histories
from endcap.serving.rerank import rerank
from endcap.use_cases.answer_visitors import NO_MODEL, Answer, Reception, Visit
from endcap.use_cases.live_models import LiveModel


@dataclass(frozen=True)
class Ranking:
    """The known items, best first, and the ids that the model does not know, as they came."""

    answer: Answer
    unknown_items: tuple[str, ...]


def rank_items(
    reception: Reception, visit: Visit, items: Sequence[str], live: LiveModel | None
) -> Ranking:
    """Return the items in the visitor's order.

    Of the visit's wish only boosts, confidence and outcome count. Without a model no item is
    known. Raises `NotFoundError` for an outcome that the model does not know.
    """
    now_ms = reception.now()
    if live is None:
        answer = Answer(reception.new_id(), visit.user_id, None, now_ms, [], (NO_MODEL,))
        return Ranking(answer, tuple(items))
    codes = live.model.item_codes
    known = [codes[item] for item in items if item in codes]
    request = visit.wish.to_request(live.model)
    given, degraded = reception.histories_of([visit], now_ms)
    read = read_histories(given, live.model, default_now_ms=now_ms)
    slate = rerank(live.model, read.histories, known, request)
    answer = Answer(
        recommendation_id=reception.new_id(),
        user_id=visit.user_id,
        model_version=live.version,
        generated_at_ms=now_ms,
        items=to_items(slate, live.model),
        degraded=degraded[0],
        ignored=read.ignored(0),
    )
    return Ranking(answer, tuple(item for item in items if item not in codes))
