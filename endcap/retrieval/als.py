"""Implicit alternating least squares, with the visitor's vector folded in from the history."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.arrays import ptr_of
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.fold_in import fold_in, gram_inverse
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.inner_product import largest_inner_products, products_of_pairs
from endcap.retrieval.likeness import EVENTS, likeness_of
from endcap.retrieval.near_items import (
    OWNERS_PER_PROPOSED,
    PER_ASKED,
    best_of_near,
    list_near_items,
    listed_visitors,
)
from endcap.retrieval.recency import recent_events
from endcap.retrieval.selection import most_first, rows_of_items, sum_by_item
from endcap.retrieval.source import Proposals, interleave_proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

_NO_LISTS: Final = np.zeros((0, 0), dtype=np.uint16)


@dataclass(frozen=True, eq=False, repr=False)
class AlsSource:
    """Item factors, and what it takes to fold a visitor in.

    `code` int32 (n_items,): which item each row of factors is of. The first `n_proposed` rows, of
    the items with the most events, are proposed; the others only speak for a visitor who touched
    them. Codes rise within each part. `item_factors` float32 (n_items, f): zero for an item that
    nobody learned from touched, which is never proposed. `inverse` float64 (f, f): see
    `fold_in.gram_inverse`; `event_weights` float32 by event type. `near` (items with lists, length)
    or (0, 0): see `near_items`; the first rows have lists.
    """

    code: NDArray[np.int32]
    n_proposed: int
    item_factors: NDArray[np.float32]
    inverse: NDArray[np.float64]
    event_weights: NDArray[np.float32]
    alpha: float
    half_life_events: float
    query_events: int
    largest_norm: float
    near: NDArray[np.uint16 | np.uint32]

    name: ClassVar[str] = "als"

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.item_factors)

    @classmethod
    def fit(
        cls,
        log: "InteractionLog",
        *,
        cut_ms: int,
        event_weights: NDArray[np.float32],
        config: RetrievalConfig,
        seed: int,
        threads: int,
        catalogue: Catalogue | None = None,  # noqa: ARG003
    ) -> Self:
        """Factorise the visitors' summed event weights per item. See `CandidateSource.fit`."""
        require_before_cut(log, cut_ms)
        factors = fit_item_factors(
            log, event_weights=event_weights, config=config.als, seed=seed, threads=threads
        )
        events = np.bincount(log.item, minlength=log.n_items)
        limit = config.als.max_items
        code = most_first(events, limit, OWNERS_PER_PROPOSED * limit)
        factors = factors[code]
        norms = np.sqrt(np.square(factors, dtype=np.float64).sum(axis=1))
        inverse = gram_inverse(factors, config.als.regularization)
        largest_norm = float(norms.max(initial=0.0))
        return cls(
            code=code,
            n_proposed=min(log.n_items, limit),
            item_factors=factors,
            inverse=inverse,
            event_weights=np.asarray(event_weights, dtype=np.float32),
            alpha=config.als.alpha,
            half_life_events=config.als.recency_half_life_events,
            query_events=config.als.query_events,
            largest_norm=largest_norm,
            near=list_near_items(
                factors[: OWNERS_PER_PROPOSED * limit],
                inverse,
                n_proposed=min(log.n_items, limit),
                length=config.als.near_items,
                largest_norm=largest_norm,
                threads=threads,
            ),
        )

    def visitor_factors(self, histories: Histories) -> NDArray[np.float32]:
        """Return each visitor's factors, float32 (n, f); zeros without known items.

        The confidence in an item is ``alpha`` times the sum over its events of
        ``w * 2**(-age / half_life)``, age in events.
        """
        return histories.once(self, lambda: self._visitor_factors(histories))

    def _visitor_factors(self, histories: Histories) -> NDArray[np.float32]:
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=self.event_weights,
            limit=self.query_events,
        )
        weight = events.decayed(self.half_life_events)
        row, item, total = sum_by_item(events.row, events.item, weight, n_items=self.n_items)
        return fold_in(
            row,
            self._row_of_item[item],
            self.alpha * total,
            n_rows=len(histories),
            item_factors=self.item_factors,
            inverse=self.inverse,
        )

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` items with the largest positive inner product with each visitor.

        Of all items, or where there are lists of those near what the visitor touched last.
        """
        vectors, items = self.visitor_factors(histories), self.item_factors[: self.n_proposed]
        if self.near.shape[1] < PER_ASKED * k:
            best = largest_inner_products(vectors, items, k=k, largest_norm=self.largest_norm)
        else:
            best = self._propose_near(histories, vectors, items, k)
        return Proposals(best.ptr, self.code[best.item], best.score)

    def _propose_near(
        self,
        histories: Histories,
        vectors: NDArray[np.float32],
        items: NDArray[np.float32],
        k: int,
    ) -> Proposals:
        listed = listed_visitors(histories, self._row_of_item, len(self.near))
        is_listed = listed.is_listed
        if is_listed.all():
            return best_of_near(vectors, items, self.near, listed, k=k)
        parts = (
            best_of_near(vectors[is_listed], items, self.near, listed, k=k),
            largest_inner_products(vectors[~is_listed], items, k=k, largest_norm=self.largest_norm),
        )
        return interleave_proposals(is_listed, *parts)

    def score_items(
        self, histories: Histories, row: NDArray[np.int64], item: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the inner product of items with visitors, float32 (m,). See `ScoringSource`.

        NaN where the visitor has no factors; 0 where the item has none.
        """
        vectors, place = self.visitor_factors(histories), self._row_of_item[item].astype(np.int64)
        score = products_of_pairs(vectors, self.item_factors, row, place).astype(np.float32)
        has_factors = np.count_nonzero(vectors, axis=1) > 0
        score[~has_factors[row]] = np.nan
        return score

    def likeness(
        self, histories: Histories, ptr: NDArray[np.int64], item: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return how like each visitor's items ``item[ptr[q] : ptr[q + 1]]`` are to single ones.

        float32 (m, len(LIKENESS)), see `likeness.likeness_of`: NaN where the visitor touched no
        item of the catalogue.
        """
        events = recent_events(
            histories, n_items=self.n_items, event_weights=self.event_weights, limit=EVENTS
        )
        return likeness_of(
            self.item_factors,
            self._row_of_item[events.item],
            ptr_of(events.row, len(histories)),
            self._row_of_item[item],
            ptr,
        )

    def similar(self, item: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the proposed items that lie in an item's direction, by their codes, unsorted.

        int32 (m,) and the cosine of the factors, float32 (m,), above 0. The item itself is left
        out; an item without factors is like none.
        """
        row = int(self._row_of_item[item])
        own = self.item_factors[row]
        length = float(np.linalg.norm(own))
        if not length:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        cosine = (self.item_factors[: self.n_proposed] @ (own / np.float32(length))) * self._scale
        if row < self.n_proposed:
            cosine[row] = 0
        near = np.flatnonzero(cosine > 0)
        return self.code[near], cosine[near]

    @cached_property
    def _scale(self) -> NDArray[np.float32]:
        """One over the length of each proposed item's factors, 0 for those without."""
        norms = np.linalg.norm(self.item_factors[: self.n_proposed], axis=1)
        scale: NDArray[np.float32] = np.zeros_like(norms)
        np.divide(1, norms, out=scale, where=norms > 0)
        return scale

    @cached_property
    def _row_of_item(self) -> NDArray[np.int32]:
        return rows_of_items(self.code, self.n_items)

    def save(self, folder: Path) -> None:
        """Write factors and parameters."""
        arrays: dict[str, NDArray[Any]] = {
            "code": self.code,
            "item_factors": self.item_factors,
            "inverse": self.inverse,
            "event_weights": self.event_weights,
            "near": self.near,
        }
        parameters = {
            "source": self.name,
            "n_proposed": self.n_proposed,
            "alpha": self.alpha,
            "half_life_events": self.half_life_events,
            "query_events": self.query_events,
            "largest_norm": self.largest_norm,
            "near": self.near.shape[1],
        }
        save_index(folder, arrays, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            code=load_array(folder, "code"),
            n_proposed=parameters["n_proposed"],
            item_factors=load_array(folder, "item_factors"),
            inverse=load_array(folder, "inverse"),
            event_weights=load_array(folder, "event_weights"),
            alpha=parameters["alpha"],
            half_life_events=parameters["half_life_events"],
            query_events=parameters["query_events"],
            largest_norm=parameters["largest_norm"],
            # Models that were made without lists go on serving.
            near=load_array(folder, "near") if parameters.get("near") else _NO_LISTS,
        )


def fit_item_factors(
    log: "InteractionLog",
    *,
    event_weights: NDArray[np.float32],
    config: AlsConfig,
    seed: int,
    threads: int,
) -> NDArray[np.float32]:
    """Return the item factors of implicit's ALS, float32 (n_items, f).

    Of visitors with `config.min_user_events` events that weigh anything, at least; zero for an item
    that none of them touched.

    The number of threads does not change them: implicit solves each row alone, and BLAS, whose
    sums depend on its threads, is held to one. That is also what implicit asks for.
    """
    # The training stack: serving never comes here and must not load it.
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415
    from scipy.sparse import coo_matrix  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    weight = event_weights[log.event_type].astype(np.float32)
    events = np.bincount(log.user[weight > 0], minlength=log.n_users)
    shape = (log.n_users, log.n_items)
    table = coo_matrix((weight, (log.user, log.item)), shape=shape).tocsr()
    table = table[events >= config.min_user_events]
    table.eliminate_zeros()
    table.sort_indices()
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=config.factors,
            iterations=config.iterations,
            regularization=config.regularization,
            alpha=config.alpha,
            dtype=np.float32,
            num_threads=threads,
            random_state=seed,
        )
        model.fit(table, show_progress=False)
    factors: NDArray[np.float32] = model.item_factors
    return factors
