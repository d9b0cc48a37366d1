"""Sessions like the visitor's own, and what they showed.

References
----------
Garg et al.: Sequence and time aware neighborhood for session-based recommendations, STAN (2019).
Kersbergen, Sprangers & Schelter: Serenade, low-latency session-based recommendation in e-commerce
at scale, VMIS-kNN (2022).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.arrays import expand_rows, run_starts
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.recency import EACH_ONE, recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.session_index import SessionIndex
from endcap.retrieval.source import Proposals, concatenate_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

QUERIES_AT_ONCE = 256
ARRAYS = ("ptr", "item", "weight", "item_ptr", "item_session", "rarity")


@dataclass(frozen=True, eq=False, repr=False)
class SessionKnnSource:
    """Past sessions and, by item, the newest sessions that hold it.

    A session's similarity is the sum over the shared items of ``2**(-age / query_half_life)``, age
    in events of the history, times the session's own weight (see `SessionIndex`). The `neighbours`
    most similar vote for their items: ``similarity * rarity * 2**(-d / distance_half_life)``, d
    steps from the newest shared item.
    """

    index: SessionIndex
    neighbours: int
    query_events: int
    query_half_life_events: float
    distance_half_life_steps: float

    name: ClassVar[str] = "session_knn"

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return self.index.n_items

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],  # noqa: ARG003
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,  # noqa: ARG003
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Index the log's sessions. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        settings = config.session_knn
        return cls(
            index=SessionIndex.of(log, cut_ms=cut_ms, config=settings),
            neighbours=settings.neighbours,
            query_events=settings.query_events,
            query_half_life_events=settings.query_half_life_events,
            distance_half_life_steps=settings.distance_half_life_steps,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` items of the most similar sessions, the visitor's own among them."""
        parts = [
            self._propose_chunk(
                histories.slice(start, min(start + QUERIES_AT_ONCE, len(histories))), k
            )
            for start in range(0, len(histories), QUERIES_AT_ONCE)
        ]
        return concatenate_proposals(parts)

    def _propose_chunk(self, histories: Histories, k: int) -> Proposals:
        asked, age = self._newest_of_each_item(histories)
        alike = self._similar_sessions(asked, age, n_rows=len(histories))
        owner, place, step = expand_rows(self.index.ptr, alike.item)
        found = self.index.item[place]
        of_row = alike.rows()[owner]
        distance = _distance(asked, age, of_row * self.n_items + found, owner, step)
        vote = alike.score[owner].astype(np.float64) * self._distance_decay[distance]
        vote *= self.index.rarity[found]
        row, item, total = sum_by_item(of_row, found, vote, n_items=self.n_items)
        return best_first(row, item, total.astype(np.float32), n_rows=len(histories), k=k)

    def _newest_of_each_item(
        self, histories: Histories
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ``row * n_items + item`` of the history's items, ascending, and their ages."""
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=EACH_ONE,
            limit=self.query_events,
        )
        if len(events.item) <= 1:
            return events.row * self.n_items + events.item, events.age
        # Ages fall along the history: the first of equals from the end is the newest.
        key = (events.row * self.n_items + events.item)[::-1]
        order = key.argsort(kind="stable")
        asked = key[order]
        first = run_starts(asked)
        return asked[first], events.age[::-1][order[first]]

    @cached_property
    def _query_decay(self) -> NDArray[np.float64]:
        """What a shared item counts, by its age."""
        decay: NDArray[np.float64] = np.exp2(
            -np.arange(self.query_events) / self.query_half_life_events
        )
        return decay

    @cached_property
    def _distance_decay(self) -> NDArray[np.float64]:
        """What an item of a session counts, by its steps from the newest shared one."""
        decay: NDArray[np.float64] = np.exp2(
            -np.arange(self.index.longest + 1) / self.distance_half_life_steps
        )
        return decay

    def _similar_sessions(
        self, asked: NDArray[np.int64], age: NDArray[np.int64], n_rows: int
    ) -> Proposals:
        """Return each history's most similar sessions, as if they were candidates."""
        row, item = np.divmod(asked, max(self.n_items, 1))
        owner, place, _ = expand_rows(self.index.item_ptr, item)
        of_row, session = row[owner], self.index.item_session[place]
        overlap = self._query_decay[age[owner]]
        if len(asked) > 1:
            of_row, session, overlap = sum_by_item(
                of_row, session, overlap, n_items=max(self.index.n_sessions, 1)
            )
        similarity = (overlap * self.index.weight[session]).astype(np.float32)
        return best_first(of_row, session, similarity, n_rows=n_rows, k=self.neighbours)

    def save(self, folder: Path) -> None:
        """Write the index and parameters."""
        parameters = {
            "source": self.name,
            "neighbours": self.neighbours,
            "query_events": self.query_events,
            "query_half_life_events": self.query_half_life_events,
            "distance_half_life_steps": self.distance_half_life_steps,
        }
        save_index(folder, {name: getattr(self.index, name) for name in ARRAYS}, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            index=SessionIndex(**{name: load_array(folder, name) for name in ARRAYS}),
            neighbours=parameters["neighbours"],
            query_events=parameters["query_events"],
            query_half_life_events=parameters["query_half_life_events"],
            distance_half_life_steps=parameters["distance_half_life_steps"],
        )


def _distance(
    asked: NDArray[np.int64],
    age: NDArray[np.int64],
    key: NDArray[np.int64],
    owner: NDArray[np.int64],
    step: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the steps from each session's newest shared item, at its last place, int64 (m,)."""
    if not len(key):
        return step
    if len(asked) == 1:  # it is in each of these sessions; of several places the last one stays
        shared = (key == asked[0]).nonzero()[0]
        last = np.empty(int(owner[-1]) + 1, dtype=np.int64)
        last[owner[shared]] = step[shared]
        return np.asarray(np.abs(step - last[owner]))
    place = np.minimum(np.searchsorted(asked, key), len(asked) - 1)
    width = int(step.max()) + 1
    unshared = np.iinfo(np.int64).max
    order = np.where(asked[place] == key, age[place] * width + width - 1 - step, unshared)
    best = np.minimum.reduceat(order, run_starts(owner))
    meeting = width - 1 - best % width
    steps: NDArray[np.int64] = np.abs(step - meeting[owner])
    return steps
