"""Vectors of items such that what comes next lies where the newest items point."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.index_files import load_array, load_parameters, save_index
from endcap.retrieval.inner_product import largest_inner_products, products_of_pairs
from endcap.retrieval.near_items import (
    OWNERS_PER_PROPOSED,
    PER_ASKED,
    best_of_near,
    list_near_items,
    listed_visitors,
)
from endcap.retrieval.recency import ages_of, recent_events
from endcap.retrieval.selection import most_first, rows_of_items
from endcap.retrieval.source import Proposals, require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

_LOOKED_AT_PER_COUNTED: Final = 5
"""Those on items with a vector are looked for among so many times as many newest events."""
_LARGEST_NORM: Final = 1.001
"""Of a unit vector whose numbers have been rounded to float16."""


@dataclass(frozen=True, eq=False, repr=False)
class SequenceSource:
    """Unit vectors of items, and how much an event counts in a visitor's vector.

    `code` int32 (v,): the item of each row of `vectors` float16 (v, d) and `item_bias` float32
    (v,). The first `n_proposed` rows, of the items with the most events, are proposed; the others
    only speak for a visitor who touched them, and are scored. Codes rise within each part.
    `age_bias` float32 (ages,): as many newest events are looked at. `event_weights` float32 by
    event type. `near`: the lists of all items with a vector, or (0, 0); see `near_items`. See
    `sequence_loss` for what vectors and biases mean.
    """

    n_items: int
    code: NDArray[np.int32]
    n_proposed: int
    vectors: NDArray[np.float16]
    item_bias: NDArray[np.float32]
    age_bias: NDArray[np.float32]
    event_weights: NDArray[np.float32]
    near: NDArray[np.uint16 | np.uint32]

    name: ClassVar[str] = "sequence"
    _saved: ClassVar = ("code", "vectors", "item_bias", "age_bias", "event_weights", "near")

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
        """Learn from the newest moments at which something came next. See `CandidateSource.fit`.

        Of the items with the most events, those have vectors that one of these moments holds.
        """
        # The training stack: serving never comes here and must not load it.
        from endcap.retrieval.sequence_training import Moments, learn_vectors  # noqa: PLC0415

        require_before_cut(log, cut_ms)
        settings = config.sequence
        limit = settings.max_items
        code = most_first(
            np.bincount(log.item, minlength=log.n_items), limit, OWNERS_PER_PROPOSED * limit
        )[: OWNERS_PER_PROPOSED * limit]
        moments = Moments.of(log, rows_of_items(code, log.n_items), event_weights, settings)
        held = moments.held(len(code))
        n_proposed = int(np.count_nonzero(held[:limit]))
        code = code[held]
        moments = Moments.of(log, rows_of_items(code, log.n_items), event_weights, settings)
        learned = learn_vectors(moments, n_rows=len(code), config=settings, seed=seed)
        length = np.linalg.norm(learned.vectors, axis=1, keepdims=True)
        vectors = (learned.vectors / length).astype(np.float16)
        return cls(
            n_items=log.n_items,
            code=code,
            n_proposed=n_proposed,
            vectors=vectors,
            item_bias=learned.item_bias,
            age_bias=learned.age_bias,
            event_weights=np.asarray(event_weights, dtype=np.float32),
            near=list_near_items(
                vectors.astype(np.float32),
                None,
                n_proposed=n_proposed,
                length=settings.near_items,
                largest_norm=_LARGEST_NORM,
                threads=threads,
            ),
        )

    def visitor_vectors(self, histories: Histories) -> NDArray[np.float32]:
        """Return each visitor's unit vector, float32 (n, d); zeros without items that have one."""
        return histories.once(self, lambda: self._visitor_vectors(histories))

    def _visitor_vectors(self, histories: Histories) -> NDArray[np.float32]:
        events = recent_events(
            histories,
            n_items=self.n_items,
            event_weights=self.event_weights,
            limit=_LOOKED_AT_PER_COUNTED * len(self.age_bias),
        )
        place = self._row_of_item[events.item]
        known = place >= 0
        row, place, weight = events.row[known], place[known], events.weight[known]
        age = ages_of(row, len(histories))
        recent = age < len(self.age_bias)
        row, place, age = row[recent], place[recent], age[recent]
        bias = (self.age_bias[age] + self.item_bias[place]).astype(np.float64)
        pulls = (weight[recent] * np.exp(bias))[:, None] * self.vectors[place].astype(np.float64)
        total = np.zeros((len(histories), self.vectors.shape[1]), dtype=np.float64)
        # Event by event in the order of a history: a visitor's bits are the same in any batch.
        np.add.at(total, row, pulls)
        length = np.sqrt(np.einsum("nd,nd->n", total, total))
        np.divide(total, length[:, None], out=total, where=length[:, None] > 0)
        return total.astype(np.float32)

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` items with the largest positive cosine with each visitor."""
        vectors = self.visitor_vectors(histories)
        if self.near.shape[1] < PER_ASKED * k:
            best = largest_inner_products(vectors, self._proposed, k=k, largest_norm=_LARGEST_NORM)
        else:
            listed = listed_visitors(histories, self._row_of_item, len(self.near))
            best = best_of_near(vectors, self.vectors[: self.n_proposed], self.near, listed, k=k)
        return Proposals(best.ptr, self.code[best.item], best.score)

    def score_items(
        self, histories: Histories, row: NDArray[np.int64], item: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the cosine of items with visitors, float32 (m,): of ``item[i]`` with ``row[i]``.

        NaN where the item or the visitor has no vector.
        """
        vectors, place = self.visitor_vectors(histories), self._row_of_item[item].astype(np.int64)
        has_vector = np.count_nonzero(vectors, axis=1) > 0
        known = ((place >= 0) & has_vector[row]).nonzero()[0]
        score = np.full(len(item), np.nan, dtype=np.float32)
        score[known] = products_of_pairs(vectors, self.vectors, row[known], place[known])
        return score

    @cached_property
    def _proposed(self) -> NDArray[np.float32]:
        return self.vectors[: self.n_proposed].astype(np.float32)

    @cached_property
    def _row_of_item(self) -> NDArray[np.int32]:
        return rows_of_items(self.code, self.n_items)

    def save(self, folder: Path) -> None:
        """Write vectors and biases."""
        arrays = {name: getattr(self, name) for name in self._saved}
        parameters = {
            "source": self.name,
            "n_items": self.n_items,
            "n_proposed": self.n_proposed,
        }
        save_index(folder, arrays, parameters)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote. Raises `NotFoundError`."""
        parameters = load_parameters(folder)
        return cls(
            n_items=parameters["n_items"],
            n_proposed=parameters["n_proposed"],
            **{name: load_array(folder, name) for name in cls._saved},
        )
