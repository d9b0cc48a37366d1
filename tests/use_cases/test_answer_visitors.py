from collections.abc import Callable
from itertools import count

import pytest

from endcap.errors import EndcapError, NotFoundError
from endcap.ports import VisitorEvent
from endcap.registry.bundle import BundleManifest
from endcap.serving.requests import GivenEvent
from endcap.serving.wishes import Wish
from endcap.use_cases.answer_visitors import SKEW_MS, Answer, Reception, Visit
from endcap.use_cases.live_models import LiveModel
from endcap.use_cases.resting_history import REST_MS, RestingHistory
from tests.serving.small_shop import CUT_MS, fitted_model
from tests.use_cases.fakes import MemoryHistory

NOW_MS = CUT_MS + 1_000


@pytest.fixture
def live() -> LiveModel:
    manifest = BundleManifest("v1", CUT_MS, "log", "unknown", {}, {}, {}, "digest")
    return LiveModel(manifest, fitted_model(), CUT_MS)


def reception(history: MemoryHistory | RestingHistory | None = None) -> Reception:
    ids = count()
    return Reception(
        MemoryHistory() if history is None else history,
        new_id=lambda: f"r{next(ids)}",
        now=lambda: NOW_MS,
    )


def answer(visit: Visit, live: LiveModel | None, history: MemoryHistory | None = None) -> Answer:
    found = reception(history).answer([visit], live)[0]
    assert isinstance(found, Answer)
    return found


def ids(answer: Answer) -> list[str]:
    return [item["item_id"] for item in answer.items]


def viewed(item_id: str, *, time_ms: int = NOW_MS - 1) -> GivenEvent:
    return GivenEvent(item_id, "view", time_ms)


def kept(item_id: str, *, user_id: str = "ann") -> VisitorEvent:
    return VisitorEvent(f"e-{item_id}", user_id, item_id, "view", NOW_MS - 1)


def test_what_is_brought_counts_like_what_is_kept(live: LiveModel) -> None:
    item = live.model.item_ids[7]
    history = MemoryHistory()
    history.add([kept(item)])
    known = answer(Visit("ann"), live, history)
    guest = answer(Visit(None, (viewed(item),)), live)
    assert ids(known) == ids(guest)
    assert ids(known) != ids(answer(Visit("bob"), live, history))


def test_a_guests_events_are_merged_with_the_users(live: LiveModel) -> None:
    first, second = live.model.item_ids[7], live.model.item_ids[30]
    history = MemoryHistory()
    history.add([kept(first)])
    shown = answer(Visit("ann", (viewed(second),), Wish(k=58)), live, history)
    assert {first, second}.isdisjoint(ids(shown))
    assert len(ids(shown)) == 58


def test_without_a_model_the_answer_is_empty_and_says_why() -> None:
    shown = answer(Visit("ann"), None)
    assert (shown.items, shown.model_version, shown.degraded) == ([], None, ("no_model",))


def test_without_histories_the_answer_is_that_of_an_unknown_visitor(live: LiveModel) -> None:
    shown = answer(Visit("ann"), live, MemoryHistory(is_down=True))
    assert shown.degraded == ("history_unavailable",)
    assert ids(shown) == ids(answer(Visit(None), live))


def test_a_bad_wish_spoils_its_own_answer_alone(live: LiveModel) -> None:
    visits = [Visit(None), Visit(None, wish=Wish(categories=("nope",))), Visit(None)]
    found = reception().answer(visits, live)
    assert isinstance(found[1], NotFoundError)
    assert [a.recommendation_id for a in found if isinstance(a, Answer)] == ["r0", "r1"]


def test_answers_keep_the_order_of_the_visits_whatever_they_ask_for(live: LiveModel) -> None:
    sizes = [3, 5, 3, 4]
    found = reception().answer([Visit(None, wish=Wish(k=k)) for k in sizes], live)
    assert [len(a.items) for a in found if isinstance(a, Answer)] == sizes


def test_an_event_of_a_clock_a_little_ahead_counts_and_one_far_ahead_is_ignored(
    live: LiveModel,
) -> None:
    item = live.model.item_ids[7]
    ahead = answer(Visit(None, (viewed(item, time_ms=NOW_MS + SKEW_MS),)), live)
    far = answer(Visit(None, (viewed(item, time_ms=NOW_MS + SKEW_MS + 1),)), live)
    assert item not in ids(ahead)
    assert (ahead.ignored["future"], far.ignored["future"]) == (0, 1)


@pytest.mark.parametrize("ahead_ms", [1, 10 * SKEW_MS])
def test_what_another_instance_with_a_clock_ahead_has_recorded_counts(
    live: LiveModel, ahead_ms: int
) -> None:
    item = live.model.item_ids[7]
    history = MemoryHistory()
    history.add([VisitorEvent("e", "ann", item, "view", NOW_MS + ahead_ms)])
    shown = answer(Visit("ann"), live, history)
    assert item not in ids(shown)
    assert not any(shown.ignored.values())


def test_items_that_the_model_does_not_know_are_counted(live: LiveModel) -> None:
    assert answer(Visit(None, (viewed("nope"),)), live).ignored["unknown_items"] == 1


@pytest.mark.parametrize(
    "wish",
    [
        lambda ids: Wish(k=60, exclude=(ids[3],)),
        lambda ids: Wish(k=60, exclude=(ids[3], "unknown to the model")),
    ],
)
def test_an_excluded_item_is_not_shown(
    live: LiveModel, wish: Callable[[tuple[str, ...]], Wish]
) -> None:
    shown = answer(Visit(None, wish=wish(tuple(live.model.item_ids))), live)
    assert len(shown.items) == 59
    assert live.model.item_ids[3] not in ids(shown)


def test_the_exposure_names_the_answer_and_its_items(live: LiveModel) -> None:
    shown = answer(Visit("ann", wish=Wish(k=2)), live)
    record = shown.to_exposure()
    assert record.received_ms == NOW_MS
    assert record.fields == {
        "recommendation_id": "r0",
        "user_id": "ann",
        "model_version": "v1",
        "items": ids(shown),
    }


def test_a_store_that_failed_is_left_alone_for_a_while(live: LiveModel) -> None:
    now_ms = [NOW_MS]
    store = MemoryHistory(is_down=True)
    history = RestingHistory(store, clock=lambda: now_ms[0])
    desk = reception(history)
    for _ in range(10):
        desk.answer([Visit("ann")], live)
    assert store.reads == 1
    assert history.is_resting
    store.is_down = False
    now_ms[0] += REST_MS
    found: Answer | EndcapError = desk.answer([Visit("ann")], live)[0]
    assert isinstance(found, Answer)
    assert found.degraded == ()
    assert not history.is_resting
