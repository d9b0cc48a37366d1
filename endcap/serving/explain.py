"""Why an item stands where it stands: its features, and what each of them does to its score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.histories import Histories
from endcap.features.matrix import feature_matrix
from endcap.features.registry import names
from endcap.ranking.scorer import TreeScorer
from endcap.serving.given import as_candidates
from endcap.serving.model import ServingModel


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """One item's ranking features, and what they contribute.

    `features`: all of them by name, None where missing. `contributions`, the largest first: by how
    much the ranker's score would fall if this feature alone were missing; features that change
    nothing are left out. They do not add up to the score, since features work together.
    """

    features: dict[str, float | None]
    contributions: dict[str, float]


def explain(model: ServingModel, history: Histories, items: list[int]) -> list[Explanation]:
    """Explain the scores that items, distinct codes, have for the one visitor of `history`."""
    item = np.sort(np.asarray(items, dtype=np.int32))
    candidates = as_candidates(model, history, item)
    matrix = feature_matrix(
        history.newest(model.config.retrieval.max_history),
        candidates,
        model.items,
        model.config.features,
        model.event_weights,
    )
    found = {
        code: Explanation(_named(row), _contributions(model.scorer, row))
        for code, row in zip(item.tolist(), matrix, strict=True)
    }
    return [found[code] for code in items]


def _named(row: NDArray[np.float32]) -> dict[str, float | None]:
    values = (None if np.isnan(value) else float(value) for value in row)
    return dict(zip(names(), values, strict=True))


def _contributions(scorer: TreeScorer, row: NDArray[np.float32]) -> dict[str, float]:
    asked = np.asarray(sorted(set(scorer.split_feature.tolist())), dtype=np.int64)
    without = np.repeat(row[np.newaxis], len(asked) + 1, axis=0)
    without[np.arange(len(asked)), asked] = np.nan
    scores = scorer.predict(without)
    change = scores[-1] - scores[:-1]
    order = np.argsort(-np.abs(change), kind="stable")
    every = names()
    return {every[asked[place]]: float(change[place]) for place in order if change[place] != 0}
