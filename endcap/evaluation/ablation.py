"""What the full stack loses without one of its sources, the ranker left as it is.

Without a source, the candidates that it alone proposed are gone, and for the others what it
tells is missing, as if it had proposed nothing (`ranking.source_ablation`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from endcap.config import EvaluationConfig
from endcap.dataset.queries import Queries
from endcap.evaluation.anatomy import SourceContribution
from endcap.evaluation.bootstrap import Estimate, VisitorDraws
from endcap.evaluation.metrics import ACCURACY, rank_gains
from endcap.evaluation.recommendations import Recommendations, from_ragged
from endcap.evaluation.tasks import NEXT_INTERACTION, relevant_items
from endcap.retrieval.union import SOURCES, Candidates

METRICS: Final = ("hit_rate", "mrr", "ndcg")
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ablated:
    """Moments with their candidates, and the candidates' scores with and without sources.

    `is_next` bool (m,): the candidates that come next. `scores` float64 (m,) with all
    sources; `without`: source -> float64 (m,). `n_items`: the catalogue.
    """

    queries: Queries
    candidates: Candidates
    is_next: NDArray[np.bool_]
    scores: Values
    without: Mapping[str, Values]
    n_items: int

    @property
    def found(self) -> float:
        """The share of the next items that any source proposed."""
        return self._share(self.is_next)

    def of_source(self, name: str) -> tuple[float, float]:
        """Return the share of the next items that a source proposed, and that it alone did."""
        proposed = ~np.isnan(self.candidates.ranks)
        theirs = self.is_next & proposed[:, list(SOURCES).index(name)]
        return self._share(theirs), self._share(theirs & (proposed.sum(axis=1) == 1))

    def lists(self, name: str | None, width: int) -> Recommendations:
        """Return what is recommended without a source, or with all of them."""
        others = [column for column, source in enumerate(SOURCES) if source != name]
        proposed = ~np.isnan(self.candidates.ranks[:, others])
        kept = np.flatnonzero(proposed.any(axis=1))
        row, item = self.candidates.rows()[kept], self.candidates.item[kept]
        score = (self.scores if name is None else self.without[name])[kept]
        ptr = np.searchsorted(row, np.arange(len(self.queries) + 1)).astype(np.int64)
        return from_ragged(ptr, item[np.lexsort((item, -score, row))], width=width)

    def _share(self, rows: NDArray[np.bool_]) -> float:
        return float(rows.sum() / max(int(self.queries.label_first.sum()), 1))


def proposing(candidates: Candidates) -> list[str]:
    """Return the sources that proposed anything, in the order of `SOURCES`."""
    proposed = ~np.isnan(candidates.ranks)
    return [name for column, name in enumerate(SOURCES) if proposed[:, column].any()]


def contributions(
    ablated: Ablated, *, config: EvaluationConfig, seed: int
) -> dict[str, SourceContribution]:
    """Return what each source gives of those that there are scores without."""
    width = max(config.cutoffs)
    whole = _values(ablated, ablated.lists(None, width), width)
    draws = VisitorDraws.draw(
        ablated.queries.user,
        samples=config.bootstrap_samples,
        confidence=config.confidence,
        rng=np.random.default_rng(seed),
    )
    return {
        name: SourceContribution(
            *ablated.of_source(name),
            losses=_losses(
                draws, whole, _values(ablated, ablated.lists(name, width), width), width
            ),
        )
        for name in ablated.without
    }


def _values(ablated: Ablated, lists: Recommendations, width: int) -> Mapping[str, Values]:
    """Return each metric at the largest cut-off, query by query."""
    relevant = relevant_items(ablated.queries, NEXT_INTERACTION)
    gains = rank_gains(lists, relevant, n_items=ablated.n_items, width=width)
    return {metric: ACCURACY[metric](gains, width) for metric in METRICS}


def _losses(
    draws: VisitorDraws, whole: Mapping[str, Values], without: Mapping[str, Values], width: int
) -> dict[str, Estimate]:
    columns = np.stack([whole[metric] - without[metric] for metric in METRICS], axis=1)
    names_at = [f"{metric}@{width}" for metric in METRICS]
    return dict(zip(names_at, draws.estimate(columns), strict=True))
