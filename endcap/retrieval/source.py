"""What a candidate source is, and the shape of what it proposes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.arrays import rows_of
from endcap.dataset.histories import Histories
from endcap.errors import DatasetError
from endcap.retrieval.catalogue import Catalogue

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True, eq=False, repr=False)
class Proposals:
    """The candidates of n visitors in compressed sparse row form.

    Visitor q's candidates are ``[ptr[q], ptr[q + 1])`` of `item` and `score`: best score first,
    equal scores by item code, no item twice. `ptr` int64 (n + 1,), `item` int32 (m,), `score`
    float32 (m,), finite.
    """

    ptr: NDArray[np.int64]
    item: NDArray[np.int32]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of visitors."""
        return len(self.ptr) - 1

    def rows(self) -> NDArray[np.int64]:
        """Return the visitor that each candidate is for, int64 (m,)."""
        return rows_of(self.ptr)

    def ranks(self) -> NDArray[np.int64]:
        """Return each candidate's place in its visitor's list, from 1, int64 (m,)."""
        if len(self) == 1:
            return np.arange(1, len(self.item) + 1)
        return np.arange(1, len(self.item) + 1) - self.ptr[self.rows()]


class CandidateSource(Protocol):
    """An index that proposes items for histories.

    Every source keeps these promises, and one suite tests them for all: a history is answered to
    the bit alike whether alone or in a batch, fresh or loaded; events on unknown items (code -1)
    count for nothing; a history without known items gets what the source knows without one, which
    may be nothing; fewer than k candidates come back where the source knows no more.
    """

    name: ClassVar[str]

    @property
    def n_items(self) -> int:
        """The size of the catalogue: proposed codes lie in ``[0, n_items)``."""

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
        catalogue: Catalogue | None = None,
    ) -> Self:
        """Learn from a log. Raises `DatasetError` if it holds an event at or after `cut_ms`.

        `event_weights`: the weight of each event type by code. `seed` and `threads` only matter to
        sources that draw random numbers or work in parallel; `threads` never changes the result.
        Without a `catalogue` no item's category and price is known.
        """

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` candidates a visitor."""

    def save(self, folder: Path) -> None:
        """Write the index into `folder`, which is created."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open a saved index, arrays memory-mapped. Raises `NotFoundError`."""


@runtime_checkable
class ScoringSource(Protocol):
    """A source that also says what it thinks of an item that it does not propose."""

    def score_items(
        self, histories: Histories, row: NDArray[np.int64], item: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the score of ``item[i]`` for visitor ``row[i]``, float32 (m,), NaN if unknown.

        Of an item that is proposed, the score it is proposed with. `row` never falls. The same to
        the bit whatever the batch.
        """


def require_before_cut(log: "InteractionLog", cut_ms: int) -> None:
    """Raise `DatasetError` if the log holds an event at or after the cut."""
    if len(log.time_ms) and int(log.time_ms.max()) >= cut_ms:
        raise DatasetError(
            f"the log holds an event at {int(log.time_ms.max())} ms, at or after the cut "
            f"{cut_ms} ms; load it with before_ms={cut_ms}"
        )


def concatenate_proposals(parts: Sequence[Proposals]) -> Proposals:
    """Return the proposals of several batches, in order, as those of one."""
    if len(parts) == 1:
        return parts[0]
    sizes = [np.zeros(1, dtype=np.int64), *(np.diff(part.ptr) for part in parts)]
    return Proposals(
        ptr=np.cumsum(np.concatenate(sizes)),
        item=np.concatenate([np.zeros(0, dtype=np.int32), *(part.item for part in parts)]),
        score=np.concatenate([np.zeros(0, dtype=np.float32), *(part.score for part in parts)]),
    )


def interleave_proposals(
    is_first: NDArray[np.bool_], first: Proposals, second: Proposals
) -> Proposals:
    """Return the proposals of all visitors, of whom `first` has those where `is_first`, in order.

    bool (visitors,).
    """
    both = concatenate_proposals([first, second])
    of = np.where(is_first, np.cumsum(is_first) - 1, len(first) + np.cumsum(~is_first) - 1)
    lengths = np.diff(both.ptr)[of]
    ptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    place = np.arange(ptr[-1]) + np.repeat(both.ptr[of] - ptr[:-1], lengths)
    return Proposals(ptr, both.item[place], both.score[place])
