"""The visitor's own items again: on real shop traffic more than a third of next views."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.recency import recent_events
from endcap.retrieval.selection import best_first, sum_by_item
from endcap.retrieval.source import Proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True, eq=False, repr=False)
class OwnItemsSource:
    """Items of the history by recency, frequency and event type.

    An item scores the sum over its events of ``w * (age + 1)**-decay``, age in events: how readily
    something comes to mind again (Anderson and Schooler, Reflections of the environment in memory,
    Psychological Science 2, 1991). Unlike with a half-life, the newest event counts far more than
    any other, and yet a habit of many events outlasts those of the last visit. With a decay of 0
    items go by frequency alone. Nothing is learnt from the log but the size of the catalogue.
    """

    n_items: int
    event_weights: NDArray[np.float32]
    decay: float
    max_history: int

    name: ClassVar[str] = "own"

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],
        config: RetrievalConfig,
        seed: int,  # noqa: ARG003
        threads: int,  # noqa: ARG003
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Keep the weights and the size of the catalogue. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        return cls(
            n_items=log.n_items,
            event_weights=np.asarray(event_weights, dtype=np.float32),
            decay=config.own_decay,
            max_history=config.max_history,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` of each visitor's own items; none for an empty history."""
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=self.event_weights,
            limit=self.max_history,
        )
        weight = events.weight * (events.age + 1.0) ** -self.decay
        row, item, total = sum_by_item(events.row, events.item, weight, n_items=self.n_items)
        return best_first(row, item, total.astype(np.float32), n_rows=len(histories), k=k)

    def save(self, folder: Path) -> None:
        """Write the weights and parameters."""
        parameters = {
            "source": self.name,
            "n_items": self.n_items,
            "decay": self.decay,
            "max_history": self.max_history,
        }
        save_index(folder, {"event_weights": self.event_weights}, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            n_items=parameters["n_items"],
            event_weights=load_array(folder, "event_weights"),
            decay=parameters["decay"],
            max_history=parameters["max_history"],
        )
