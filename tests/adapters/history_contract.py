"""What every history store must do. A test class for an adapter inherits `HistoryContract`."""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from endcap.ports import HistoryStore, VisitorEvent

ANN, BOB = "ann", "bob"
NOW_MS = 1_700_000_000_000


def event(event_id: str, time_ms: int = NOW_MS, *, user_id: str = ANN) -> VisitorEvent:
    return VisitorEvent(event_id, user_id, "shoe", "view", time_ms)


class HistoryContract(ABC):
    @pytest.fixture
    @abstractmethod
    def store(self) -> HistoryStore:
        """Return an empty store."""

    def test_an_unknown_visitor_has_no_events(self, store: HistoryStore) -> None:
        assert store.read(ANN, limit=10) == []

    def test_an_event_comes_back_whole(self, store: HistoryStore) -> None:
        whole = VisitorEvent("e", ANN, "Schuh ß #1", "transaction", NOW_MS, "t-1", "r-1")
        store.add([whole, event("f", NOW_MS + 1)])
        assert store.read(ANN, limit=10) == [whole, event("f", NOW_MS + 1)]

    def test_events_come_back_oldest_first_and_of_one_time_by_id(self, store: HistoryStore) -> None:
        store.add([event("c", 30), event("b", 1_000), event("a", 1_000), event("d", 4)])
        assert [e.event_id for e in store.read(ANN, limit=10)] == ["d", "c", "a", "b"]

    def test_the_newest_are_kept_within_a_limit(self, store: HistoryStore) -> None:
        store.add([event(f"{n:04d}", NOW_MS + n) for n in range(230)])
        assert [e.event_id for e in store.read(ANN, limit=2)] == ["0228", "0229"]
        assert len(store.read(ANN, limit=1_000)) == 230

    def test_adding_twice_is_adding_once(self, store: HistoryStore) -> None:
        for _ in range(2):
            store.add([event("a"), event("b")])
        assert len(store.read(ANN, limit=10)) == 2

    def test_of_equal_ids_the_first_stays(self, store: HistoryStore) -> None:
        first = event("a", NOW_MS)
        store.add([first, replace(first, item_id="hat")])
        store.add([replace(first, time_ms=NOW_MS + 5)])
        assert store.read(ANN, limit=10) == [first]

    def test_two_visitors_may_use_the_same_id(self, store: HistoryStore) -> None:
        store.add([event("a"), event("a", user_id=BOB)])
        assert len(store.read(ANN, limit=10)) == len(store.read(BOB, limit=10)) == 1

    @pytest.mark.parametrize("user_id", ["a#b", "id#x", "ann ", "ä", "0", "a\nb", "x" * 128])
    def test_ids_are_taken_as_they_are(self, store: HistoryStore, user_id: str) -> None:
        odd = event("id#e#1", user_id=user_id)
        store.add([odd, event("a")])
        assert store.read(user_id, limit=10) == [odd]

    def test_adding_nothing_is_allowed(self, store: HistoryStore) -> None:
        store.add([])

    def test_an_erased_visitor_is_forgotten_whole_and_no_other(self, store: HistoryStore) -> None:
        store.add([event(f"{n}", NOW_MS + n) for n in range(130)])
        store.add([event("b", user_id=BOB)])
        store.erase(ANN)
        assert store.read(ANN, limit=10) == []
        assert len(store.read(BOB, limit=10)) == 1

    def test_an_erased_visitor_may_come_back_with_the_same_events(
        self, store: HistoryStore
    ) -> None:
        store.add([event("a")])
        store.erase(ANN)
        store.add([event("a")])
        assert store.read(ANN, limit=10) == [event("a")]

    def test_erasing_an_unknown_visitor_is_allowed(self, store: HistoryStore) -> None:
        store.erase(ANN)
        store.erase(ANN)

    def test_several_threads_lose_nothing(self, store: HistoryStore) -> None:
        parts = [[event(f"{n}-{m}", NOW_MS + m) for m in range(5)] for n in range(8)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(store.add, parts))
            list(pool.map(store.add, parts))
        assert len(store.read(ANN, limit=1_000)) == 40
