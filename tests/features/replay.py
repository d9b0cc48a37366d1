"""A simulated shop, cleaned and fitted as of a cut, to replay its visitors through serving."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.config import CleaningConfig, RunConfig
from endcap.config_retrieval import AlsConfig, RetrievalConfig
from endcap.dataset.cleaning import clean
from endcap.dataset.histories import EventTypes
from endcap.dataset.log import InteractionLog, count_known, from_events, load_log
from endcap.dataset.splits import Fold
from endcap.features.item_table import ItemTable
from endcap.ranking.scorer import TreeScorer
from endcap.retrieval.union import fit_sources
from endcap.serving.model import ServingModel
from endcap.serving.requests import GivenEvent
from endcap.simulator.scales import Scale
from endcap.simulator.shop import simulate
from endcap.uncertainty.calibration import Calibration
from tests.features.canonical_shop import build_all

LATEST_MS = 4_102_444_800_000
"""2100-01-01 UTC."""

STEPS_PER_VISITOR = 8
"""Events of the window that a visitor is followed for: the heaviest have hundreds."""

CONFIG = RunConfig(
    retrieval=RetrievalConfig(
        als=AlsConfig(factors=16, iterations=3), candidates_per_source=30, popular_candidates=20
    )
)


class RecordingScorer:
    """Keeps the matrices that it is asked to score, and finds all rows equal."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.float32]] = []

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        self.seen.append(features)
        return np.zeros(len(features))


@dataclass(frozen=True)
class ReplayedShop:
    """The log of the first visitors of a fold's window, the model as of its cut, its recorder."""

    log: InteractionLog
    fold: Fold
    model: ServingModel
    recorder: RecordingScorer
    item_ids: list[str]

    def given(self, user: int) -> Iterator[GivenEvent]:
        """The visitor's events as a shop would send them, in the log's order."""
        for i in range(self.log.ptr[user], self.log.ptr[user + 1]):
            yield GivenEvent(
                self.item_ids[self.log.item[i]],
                self.model.event_types.names[self.log.event_type[i]],
                int(self.log.time_ms[i]),
            )


def open_replay(folder: Path, *, scale: Scale, visitors: int, cut_share: float) -> ReplayedShop:
    """Simulate, clean, build and fit; the window lasts from `cut_share` of the log to its end."""
    simulate(folder / "raw", scale=scale, seed=11)
    cleaned = folder / "clean"
    clean(folder / "raw", cleaned, mapping=None, cleaning=CleaningConfig(), as_of_ms=None)
    log = load_log(cleaned, before_ms=LATEST_MS)
    first, last = int(log.time_ms.min()), int(log.time_ms.max())
    cut_ms = int(first + cut_share * (last - first))
    fold = Fold("ranking", cut_ms, last + 1)
    items = ItemTable.assemble(build_all(cleaned, folder / "families", cut_ms, CONFIG.features))
    items.save(folder / "items")
    types = EventTypes.load(cleaned / "event_types.json")
    sources = fit_sources(
        load_log(cleaned, before_ms=cut_ms),
        cut_ms=cut_ms,
        event_weights=types.weight_array(),
        config=CONFIG.retrieval,
        seed=1,
        threads=1,
    )
    item_ids = pq.read_table(cleaned / "items.parquet", columns=["item_id"])["item_id"].to_pylist()
    known = count_known(cleaned / "items.parquet", before_ms=cut_ms)
    recorder, one = RecordingScorer(), np.zeros(1)
    model = ServingModel(
        sources=sources,
        items=ItemTable.load(folder / "items"),
        scorer=cast("TreeScorer", recorder),
        calibration=Calibration(
            one, one, one, one[:0], one + 0.9, one[:, None], one, relevance_scale=3, confidence=0.9
        ),
        item_ids=tuple(item_ids[:known]),
        event_types=types,
        config=CONFIG,
    )
    return ReplayedShop(_of_visitors(log, fold, visitors), fold, model, recorder, item_ids)


def _of_visitors(log: InteractionLog, fold: Fold, visitors: int) -> InteractionLog:
    """Return the first visitors of the window who were here before, up to some steps into it."""
    in_window = log.time_ms >= fold.cut_ms
    again = in_window & (np.arange(len(log)) > log.ptr[log.user])
    counted = np.concatenate([[0], np.cumsum(in_window)])
    step = counted[1:] - counted[log.ptr[log.user]]
    kept = np.isin(log.user, np.unique(log.user[again])[:visitors]) & (step <= STEPS_PER_VISITOR)
    return from_events(
        log.user[kept],
        log.item[kept],
        log.event_type[kept],
        log.time_ms[kept],
        n_users=log.n_users,
        n_items=log.n_items,
    )
