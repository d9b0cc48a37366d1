"""What is touched more often now than it used to be: one list for all visitors."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.popularity import decayed_popularity
from endcap.retrieval.selection import best_first
from endcap.retrieval.source import Proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True, eq=False, repr=False)
class TrendingSource:
    """Items by how far their traffic lately is above what it was.

    With s and l an item's popularity decayed by the short and the long half-life, both per day, the
    score is ``(s - l) / sqrt(l + prior)``; items that do not grow are left out. `item` int32 (t,),
    best first; `score` float32 (t,).
    """

    item: NDArray[np.int32]
    score: NDArray[np.float32]
    n_items: int

    name: ClassVar[str] = "trending"

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
        """Compare each item's traffic now and before. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        settings = config.trending
        # Decayed weights sum to half_life / ln 2 days' worth of a steady item's traffic.
        short, long = (
            decayed_popularity(log, event_weights, cut_ms=cut_ms, half_life_days=days)
            * (np.log(2) / days)
            for days in (settings.half_life_days, settings.against_half_life_days)
        )
        growth = ((short - long) / np.sqrt(long + settings.prior_per_day)).astype(np.float32)
        item = np.flatnonzero(growth > 0).astype(np.int32)
        row = np.zeros(len(item), dtype=np.int64)
        best = best_first(row, item, growth[item], n_rows=1, k=settings.items)
        return cls(best.item, best.score, log.n_items)

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return the same `k` items for every visitor."""
        n, width = len(histories), min(k, len(self.item))
        return Proposals(
            ptr=np.arange(n + 1, dtype=np.int64) * width,
            item=np.tile(self.item[:width], n),
            score=np.tile(self.score[:width], n),
        )

    def save(self, folder: Path) -> None:
        """Write the list."""
        arrays = {"item": self.item, "score": self.score}
        save_index(folder, arrays, {"source": self.name, "n_items": self.n_items})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open a saved list. Raises `NotFoundError`."""
        n_items = load_parameters(folder)["n_items"]
        return cls(load_array(folder, "item"), load_array(folder, "score"), n_items)
