"""What everybody touched lately: one list for all visitors."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, save_index
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False, repr=False)
class PopularitySource:
    """Items by decayed popularity: the sum over their events of ``w * 2**(-age / half_life)``.

    The list holds the whole catalogue, so a visitor without a history gets candidates too. `item`
    int32 (n_items,), best first; `score` float32 (n_items,).
    """

    item: NDArray[np.int32]
    score: NDArray[np.float32]

    name: ClassVar[str] = "popularity"

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.item)

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
        """Sum the decayed weights of each item's events. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        total = decayed_popularity(
            log, event_weights, cut_ms=cut_ms, half_life_days=config.popularity_half_life_days
        ).astype(np.float32)
        everything = np.arange(log.n_items, dtype=np.int32)
        row = np.zeros(log.n_items, dtype=np.int64)
        best = best_first(row, everything, total, n_rows=1, k=log.n_items)
        return cls(best.item, best.score)

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return the same `k` most popular items for every visitor."""
        n, width = len(histories), min(k, self.n_items)
        return Proposals(
            ptr=np.arange(n + 1, dtype=np.int64) * width,
            item=np.tile(self.item[:width], n),
            score=np.tile(self.score[:width], n),
        )

    def save(self, folder: Path) -> None:
        """Write the list."""
        save_index(folder, {"item": self.item, "score": self.score}, {"source": self.name})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open a saved list. Raises `NotFoundError`."""
        return cls(load_array(folder, "item"), load_array(folder, "score"))


def decayed_popularity(
    log: "InteractionLog",
    event_weights: NDArray[np.float32],
    *,
    cut_ms: int,
    half_life_days: float,
) -> NDArray[np.float64]:
    """Return the sum over each item's events of ``w * 2**(-age / half_life)``, float64 (n,)."""
    age_days = (cut_ms - log.time_ms) / DAY_MS
    weight = event_weights[log.event_type] * np.exp2(-age_days / half_life_days)
    # Of an empty log bincount returns integers, weights or not.
    return np.bincount(log.item, weights=weight, minlength=log.n_items).astype(np.float64)
