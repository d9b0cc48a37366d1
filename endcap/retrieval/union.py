"""All sources side by side: who proposed what, with which score and rank."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.arrays import concatenate_ptr, load_arrays, rows_of, save_arrays
from endcap.dataset.histories import Histories
from endcap.errors import NotFoundError
from endcap.retrieval.als import AlsSource
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.category import CategorySource
from endcap.retrieval.cold_items import ColdItemsSource
from endcap.retrieval.covisitation import CovisitationSource
from endcap.retrieval.item_knn import ItemKnnSource
from endcap.retrieval.item_walk import ItemWalkSource
from endcap.retrieval.likeness import LIKENESS
from endcap.retrieval.own_items import OwnItemsSource
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.rp3beta import Rp3BetaSource
from endcap.retrieval.sequence import SequenceSource
from endcap.retrieval.sequential_rules import SequentialRulesSource
from endcap.retrieval.session_knn import SessionKnnSource
from endcap.retrieval.source import CandidateSource, Proposals, ScoringSource
from endcap.retrieval.trending import TrendingSource

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

SOURCES: Final[Mapping[str, type[CandidateSource]]] = {
    AlsSource.name: AlsSource,
    CovisitationSource.name: CovisitationSource,
    OwnItemsSource.name: OwnItemsSource,
    PopularitySource.name: PopularitySource,
    SequentialRulesSource.name: SequentialRulesSource,
    SessionKnnSource.name: SessionKnnSource,
    ItemKnnSource.name: ItemKnnSource,
    Rp3BetaSource.name: Rp3BetaSource,
    ItemWalkSource.name: ItemWalkSource,
    SequenceSource.name: SequenceSource,
    CategorySource.name: CategorySource,
    TrendingSource.name: TrendingSource,
    ColdItemsSource.name: ColdItemsSource,
}
"""Name -> source, in the order of the columns of `Candidates`."""
_COLUMN: Final = {name: column for column, name in enumerate(SOURCES)}
_ITEM_BITS: Final = 32
_ITEM_MASK: Final = (1 << _ITEM_BITS) - 1
FITTED: Final = "sources.json"
"""The file that names the sources of a folder."""


@dataclass(frozen=True, eq=False, repr=False)
class Candidates:
    """The union of all sources' proposals for n visitors, in compressed sparse row form.

    Visitor q's candidates are ``[ptr[q], ptr[q + 1])``, by item code, no item twice. `ptr` int64
    (n + 1,), `item` int32 (m,), `scores` and `ranks` float32 (m, len(SOURCES)): NaN where a source
    did not propose the item, but for the scores of a `ScoringSource`; ranks start at 1. `likeness`
    float32 (m, len(LIKENESS)): see `likeness`, by the factors of ALS; NaN where ALS was not asked.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    scores: NDArray[np.float32]
    ranks: NDArray[np.float32]
    likeness: NDArray[np.float32]

    @classmethod
    def unlikened(
        cls,
        ptr: NDArray[np.int64],
        item: NDArray[np.int32],
        scores: NDArray[np.float32],
        ranks: NDArray[np.float32],
    ) -> Self:
        """Return candidates of which no likeness is known, so far."""
        likeness = np.full((len(item), len(LIKENESS)), np.nan, dtype=np.float32)
        return cls(ptr, item, scores, ranks, likeness)

    def __len__(self) -> int:
        """Return the number of visitors."""
        return len(self.ptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """Return the visitor that each candidate is for, int64 (m,)."""
        return rows_of(self.ptr)

    def slice(self, start: int, stop: int) -> "Candidates":
        """Return the candidates of visitors ``[start, stop)``."""
        low, high = int(self.ptr[start]), int(self.ptr[stop])
        return Candidates(
            ptr=self.ptr[start : stop + 1] - low,
            item=self.item[low:high],
            scores=self.scores[low:high],
            ranks=self.ranks[low:high],
            likeness=self.likeness[low:high],
        )

    def only(
        self, rows: NDArray[np.int64] | NDArray[np.bool_], ptr: NDArray[np.int64]
    ) -> "Candidates":
        """Return some rows; `ptr` says which visitors these are of."""
        return Candidates(
            ptr, self.item[rows], self.scores[rows], self.ranks[rows], self.likeness[rows]
        )

    @classmethod
    def concat(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Return the candidates of several parts, in order. There must be one at least."""
        return cls(
            ptr=concatenate_ptr([part.ptr for part in parts]),
            item=np.concatenate([part.item for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            ranks=np.concatenate([part.ranks for part in parts]),
            likeness=np.concatenate([part.likeness for part in parts]),
        )

    def save(self, folder: Path) -> None:
        """Write all arrays below `folder`."""
        save_arrays(folder, {column.name: getattr(self, column.name) for column in fields(self)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**load_arrays(folder, [column.name for column in fields(cls)]))


def fit_sources(
    log: "InteractionLog",
    *,
    cut_ms: int,
    event_weights: NDArray[np.float32],
    config: RetrievalConfig,
    seed: int,
    threads: int,
    catalogue: Catalogue | None = None,
) -> dict[str, CandidateSource]:
    """Fit every source whose quota is not 0. See `CandidateSource.fit`."""
    return {
        name: source.fit(
            log,
            cut_ms=cut_ms,
            event_weights=event_weights,
            config=config,
            seed=seed,
            threads=threads,
            catalogue=catalogue,
        )
        for name, source in SOURCES.items()
        if quota(name, config) > 0
    }


def quota(name: str, config: RetrievalConfig) -> int:
    """Return how many candidates a source may give each visitor."""
    if name == PopularitySource.name:
        return config.popular_candidates
    own: int = getattr(config.quotas, name)
    return min(own, config.candidates_per_source)


def save_sources(sources: Mapping[str, CandidateSource], folder: Path) -> None:
    """Write each source into a folder of its name below `folder`, and a list of the names."""
    for name, source in sources.items():
        source.save(folder / name)
    (folder / FITTED).write_text(json.dumps(list(sources)) + "\n", encoding="utf-8")


def load_sources(folder: Path) -> dict[str, CandidateSource]:
    """Open every source that `save_sources` wrote, memory-mapped. Raises `NotFoundError`."""
    file = folder / FITTED
    if not file.is_file():
        raise NotFoundError(f"{folder} holds no candidate sources: {FITTED} is missing")
    names = json.loads(file.read_text(encoding="utf-8"))
    return {name: SOURCES[name].load(folder / name) for name in names}


def propose_candidates(
    sources: Mapping[str, CandidateSource], histories: Histories, config: RetrievalConfig
) -> Candidates:
    """Return the union of what the sources propose, each up to its `quota`.

    Popularity knows an answer for everybody, so a visitor without a history has candidates too
    unless its quota is 0. A source that `sources` leaves out proposes nothing. A `ScoringSource`
    scores what the others propose as well, and ALS tells the likeness of all of them. Each
    visitor's candidates are the same to the bit whatever the batch.
    """
    candidates = propose_items(sources, histories, config)
    score_all(candidates, sources, histories, config)
    return candidates


def propose_items(
    sources: Mapping[str, CandidateSource], histories: Histories, config: RetrievalConfig
) -> Candidates:
    """Return the candidates of `propose_candidates`, each scored by those alone who proposed it.

    Their likeness is missing.
    """
    proposals = {
        name: sources[name].propose(histories, quota(name, config))
        for name in SOURCES
        if name in sources and quota(name, config) > 0
    }
    return unite(proposals, n_visitors=len(histories))


def score_all(
    candidates: Candidates,
    sources: Mapping[str, CandidateSource],
    histories: Histories,
    config: RetrievalConfig,
) -> None:
    """Write what is known of all candidates: each `ScoringSource`'s score, and the likeness."""
    row = candidates.rows()
    for name, source in sources.items():
        if isinstance(source, ScoringSource) and quota(name, config) > 0:
            column = candidates.scores[:, _COLUMN[name]]
            unscored = np.isnan(column).nonzero()[0]
            column[unscored] = source.score_items(
                histories, row[unscored], candidates.item[unscored]
            )
    als = sources.get(AlsSource.name)
    if isinstance(als, AlsSource) and quota(AlsSource.name, config) > 0:
        candidates.likeness[:] = als.likeness(histories, candidates.ptr, candidates.item)


def unite(proposals: Mapping[str, Proposals], *, n_visitors: int) -> Candidates:
    """Return the proposals of several sources, by name, as one table."""
    named = [name for name in SOURCES if name in proposals]
    parts = [proposals[name] for name in named]
    sizes = np.asarray([len(part.item) for part in parts], dtype=np.int64)
    asked = _concatenated([part.item for part in parts], np.int32)
    if n_visitors != 1:
        visitor = _concatenated([part.rows() for part in parts], np.int64)
        asked = (visitor << _ITEM_BITS) | asked
    order = np.argsort(asked)
    ordered = asked[order]
    is_new = np.ones(len(asked), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    # Where each proposal goes in the tables, laid flat: its item's row, its source's column.
    columns = np.asarray([_COLUMN[name] for name in named], dtype=np.int64)
    place = np.repeat(columns, sizes)
    place[order] += (np.cumsum(is_new) - 1) * len(SOURCES)
    key = ordered[is_new]
    scores, ranks = np.full((2, len(key), len(SOURCES)), np.nan, dtype=np.float32)
    scores.reshape(-1)[place] = _concatenated([part.score for part in parts], np.float32)
    if n_visitors == 1:
        ranks.reshape(-1)[place] = np.arange(1, len(asked) + 1) - np.repeat(
            np.cumsum(sizes) - sizes, sizes
        )
        return Candidates.unlikened(np.asarray([0, len(key)], dtype=np.int64), key, scores, ranks)
    ranks.reshape(-1)[place] = _concatenated([part.ranks() for part in parts], np.int64)
    ptr = np.zeros(n_visitors + 1, dtype=np.int64)
    np.cumsum(np.bincount(key >> _ITEM_BITS, minlength=n_visitors), out=ptr[1:])
    return Candidates.unlikened(ptr, (key & _ITEM_MASK).astype(np.int32), scores, ranks)


def _concatenated(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=dtype), *parts])
