"""Recommendations for visitors, now: their history, what they do right now, and what they want."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from endcap.config_retrieval import MOST_HISTORY
from endcap.dataset.histories import Histories
from endcap.errors import EndcapError, HistoryUnavailableError
from endcap.ports import HistoryStore, Record
from endcap.serving.answers import to_items
from endcap.serving.explain import explain
from endcap.serving.recommend import recommend
from endcap.serving.requests import GivenEvent, GivenHistory, read_histories
from endcap.serving.slates import Slate, SlateRequest
from endcap.serving.wishes import Wish
from endcap.stages import HISTORY, OnStage, untimed
from endcap.use_cases.live_models import LiveModel

NO_MODEL: Final = "no_model"
HISTORY_UNAVAILABLE: Final = "history_unavailable"
SKEW_MS: Final = 300_000
"""How far a client's clock may be ahead; such an event happened now."""


@dataclass(frozen=True)
class Visit:
    """One visitor at the door.

    `user_id`: None for an anonymous one. `events`: what the visitor did that the history may not
    know: those of a guest's session, say. Both count. `explained`: whether each item tells its
    features and what they contribute.
    """

    user_id: str | None
    events: tuple[GivenEvent, ...] = ()
    wish: Wish = field(default_factory=Wish)
    explained: bool = False


@dataclass(frozen=True)
class Answer:
    """What one visitor is shown.

    `model_version`: None where no model could be loaded, and then `items` is empty. `items`: see
    `serving.answers`; where asked for, with an ``explanation``: see `serving.explain`. `degraded`:
    what was not as it should be, by name. `ignored`: how many events were, by reason.
    """

    recommendation_id: str
    user_id: str | None
    model_version: str | None
    generated_at_ms: int
    items: list[dict[str, Any]]
    degraded: tuple[str, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)

    def to_exposure(self) -> Record:
        """Return what the record log keeps of it, for events that refer to it later."""
        return Record(
            self.generated_at_ms,
            {
                "recommendation_id": self.recommendation_id,
                "user_id": self.user_id,
                "model_version": self.model_version,
                "items": [item["item_id"] for item in self.items],
            },
        )


@dataclass(frozen=True, eq=False, repr=False)
class Reception:
    """What it takes to answer: histories, ids, time.

    `new_id`: returns an id that no other answer has. `now`: returns UTC epoch ms. `on_stage`: see
    `endcap.stages`.
    """

    history: HistoryStore
    new_id: Callable[[], str]
    now: Callable[[], int]
    on_stage: OnStage = untimed

    def answer(self, visits: Sequence[Visit], live: LiveModel | None) -> list[Answer | EndcapError]:
        """Return one answer a visit, in order, or what was wrong with that one visit.

        A store of histories that is away makes an answer poorer, not an error. Nothing is raised
        but defects.
        """
        now_ms = self.now()
        if live is None:
            return [self._empty(visit, now_ms) for visit in visits]
        asked: dict[SlateRequest, list[int]] = {}
        answers: list[Answer | EndcapError | None] = [None] * len(visits)
        for place, visit in enumerate(visits):
            try:
                asked.setdefault(visit.wish.to_request(live.model), []).append(place)
            except EndcapError as exc:
                answers[place] = exc
        for request, places in asked.items():
            chosen = [visits[place] for place in places]
            for place, answer in zip(
                places, self._answer(chosen, request, live, now_ms), strict=True
            ):
                answers[place] = answer
        return [answer for answer in answers if answer is not None]

    def histories_of(
        self, visits: Sequence[Visit], now_ms: int
    ) -> tuple[list[GivenHistory], list[tuple[str, ...]]]:
        """Return what is known of each visitor, and what could not be known."""
        given, degraded = [], []
        with self.on_stage(HISTORY):
            for visit in visits:
                kept, flags = self._kept(visit.user_id, now_ms)
                brought = [_not_ahead(event, now_ms) for event in visit.events]
                given.append(GivenHistory([*kept, *brought], now_ms))
                degraded.append(flags)
        return given, degraded

    def _kept(self, user_id: str | None, now_ms: int) -> tuple[list[GivenEvent], tuple[str, ...]]:
        if user_id is None:
            return [], ()
        try:
            events = self.history.read(user_id, limit=MOST_HISTORY)
        except HistoryUnavailableError:
            return [], (HISTORY_UNAVAILABLE,)
        # What is kept has happened: whoever recorded it had a clock that is ahead of this one.
        return [GivenEvent(e.item_id, e.event_type, min(e.time_ms, now_ms)) for e in events], ()

    def _answer(
        self, visits: Sequence[Visit], request: SlateRequest, live: LiveModel, now_ms: int
    ) -> list[Answer]:
        given, degraded = self.histories_of(visits, now_ms)
        read = read_histories(given, live.model, default_now_ms=now_ms)
        slates = recommend(live.model, read.histories, request, on_stage=self.on_stage)
        return [
            Answer(
                recommendation_id=self.new_id(),
                user_id=visit.user_id,
                model_version=live.version,
                generated_at_ms=now_ms,
                items=_items(visit, slates[place], read.histories.slice(place, place + 1), live),
                degraded=degraded[place],
                ignored=read.ignored(place),
            )
            for place, visit in enumerate(visits)
        ]

    def _empty(self, visit: Visit, now_ms: int) -> Answer:
        return Answer(self.new_id(), visit.user_id, None, now_ms, [], (NO_MODEL,))


def _items(visit: Visit, slate: Slate, history: Histories, live: LiveModel) -> list[dict[str, Any]]:
    items = to_items(slate, live.model)
    if visit.explained:
        explained = explain(live.model, history, slate.item_codes())
        for item, explanation in zip(items, explained, strict=True):
            item["explanation"] = asdict(explanation)
    return items


def _not_ahead(event: GivenEvent, now_ms: int) -> GivenEvent:
    if event.time_ms is None or not now_ms < event.time_ms <= now_ms + SKEW_MS:
        return event
    return GivenEvent(event.item_id, event.event_type, now_ms)
