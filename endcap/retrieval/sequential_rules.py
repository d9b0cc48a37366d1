"""What comes next after an item: rules from an item to what one session shows after it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import CovisitationConfig, RetrievalConfig
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.covisitation import neighbour_weights
from endcap.retrieval.neighbour_lists import NeighbourLists
from endcap.retrieval.source import require_before_cut

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog


@dataclass(frozen=True, eq=False, repr=False)
class SequentialRulesSource(NeighbourLists):
    """Neighbours by how often, how soon and how lately they came after the item.

    References
    ----------
    Kamehkhosh, Jannach & Ludewig: A comparison of frequent pattern techniques and a deep learning
    method for session-based recommendation (2017).
    """

    name: ClassVar[str] = "sequential_rules"

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
        """Count what came after each item. See `CandidateSource.fit`.

        An item s steps later, d days before the cut, counts ``w / s * 2**(-d / half_life)``, w the
        weight of its event type; the rule's score is its count over the item's total and a prior.
        """
        require_before_cut(log, cut_ms)
        settings = config.sequential_rules
        row, item, count = neighbour_weights(
            log,
            cut_ms=cut_ms,
            event_weights=event_weights,
            config=CovisitationConfig(
                max_gap_hours=settings.max_gap_hours,
                gap_half_life_hours=settings.max_gap_hours,
                max_steps=settings.max_steps,
                half_life_days=settings.half_life_days,
                backward_weight=0.0,
            ),
        )
        total = np.bincount(row, weights=count, minlength=log.n_items)
        return cls.of_pairs(
            row,
            item,
            count / (total[row] + settings.prior_weight),
            n_items=log.n_items,
            neighbours=settings.neighbours,
            query_events=settings.query_events,
            recency_half_life_events=settings.recency_half_life_events,
        )
