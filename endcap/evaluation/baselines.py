"""What the full stack must be held against: each alone, fitted before the same cut.

A baseline answers with its own list, not filled up from another one: what it does not know is a
miss. Where a candidate source is the same method, the baseline is that source. Each has the values
that a search may try for its settings (`baseline_tuning`); what the run's configuration says is
among them, so the search starts from what the full stack itself uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog
from endcap.evaluation.recommendations import Recommendations, from_ragged
from endcap.retrieval.als import AlsSource
from endcap.retrieval.item_knn import ItemKnnSource
from endcap.retrieval.own_items import OwnItemsSource
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.rp3beta import Rp3BetaSource
from endcap.retrieval.session_knn import SessionKnnSource
from endcap.retrieval.source import CandidateSource, Proposals

RECENT_POPULAR: Final = "recent_popular"
ALS: Final = "als"
ALS_TO_YETIRANK: Final = "als_to_yetirank"
"""ALS alone as candidates for a ranker like the full stack's. The use cases fit it."""

Settings = Mapping[str, float]
"""A baseline's settings by name: those of `RetrievalConfig` with dots, or its own."""


class Proposer(Protocol):
    """Anything that answers histories with ranked items."""

    def propose(self, histories: Histories, k: int) -> Proposals:
        """Return up to `k` items a history, best first."""


@dataclass(frozen=True)
class Training:
    """What a baseline is fitted on: a log that ends before `cut_ms`, and how a run fits sources."""

    log: InteractionLog
    cut_ms: int
    event_weights: NDArray[np.float32]
    config: RetrievalConfig
    seed: int
    threads: int

    def fit(self, source: type[CandidateSource], config: RetrievalConfig) -> CandidateSource:
        """Return a candidate source fitted on this log with another configuration."""
        return source.fit(
            self.log,
            cut_ms=self.cut_ms,
            event_weights=self.event_weights,
            config=config,
            seed=self.seed,
            threads=self.threads,
        )


@dataclass(frozen=True)
class Baseline:
    """One baseline.

    `source`: the candidate source that it is when it stands alone, if it is one. `choices`: the
    values of each setting that a search may try. `defaults`: the settings under a run's
    configuration, of the same names. `fit`: from a log and settings to what answers.
    """

    name: str
    source: str | None
    choices: Mapping[str, tuple[float, ...]]
    defaults: Callable[[RetrievalConfig], dict[str, float]]
    fit: Callable[[Training, Settings], Proposer]


def configured(config: RetrievalConfig, settings: Settings) -> RetrievalConfig:
    """Return a configuration with some settings replaced, named with dots.

    >>> configured(RetrievalConfig(), {"item_knn.saturation": 2.0}).item_knn.saturation
    2.0
    """
    fields: dict[str, Any] = config.model_dump()
    for name, value in settings.items():
        *sections, last = name.split(".")
        place = fields
        for section in sections:
            place = place[section]
        place[last] = value
    return RetrievalConfig.model_validate(fields)


def _read(config: RetrievalConfig, name: str) -> float:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return float(value)


def _alone(
    name: str,
    source: type[CandidateSource],
    choices: Mapping[str, tuple[float, ...]],
    *,
    fades_by: str | None = None,
    fixed: Settings = MappingProxyType({}),
) -> Baseline:
    """Return the baseline that a candidate source is.

    `fades_by`: the half-life among its settings that says how far back in a history it reads.
    `fixed`: settings that are the same in every trial, whatever is configured.
    """

    def fit(training: Training, settings: Settings) -> Proposer:
        if fades_by:
            settings = _reading_more(training.config, name, fades_by, settings)
        return training.fit(source, configured(training.config, {**settings, **fixed}))

    def defaults(config: RetrievalConfig) -> dict[str, float]:
        return {setting: _read(config, setting) for setting in choices}

    return Baseline(name, source.name, choices, defaults, fit)


def _reading_more(
    config: RetrievalConfig, name: str, fades_by: str, settings: Settings
) -> Settings:
    """Return the settings and how many events to read.

    A half-life n times the run's reads n times the run's events, up to `max_history`; a shorter one
    reads as many as the run does.
    """
    half_life, events = f"{name}.{fades_by}", f"{name}.query_events"
    usual = _read(config, events)
    times = settings[half_life] / _read(config, half_life)
    return {**settings, events: max(usual, min(config.max_history, round(times * usual)))}


def _fit_popular(training: Training, settings: Settings) -> Proposer:
    """Count all events alike, whenever they were: a half-life that no log reaches."""
    forever = configured(training.config, {**settings, "popularity_half_life_days": 1e9})
    alike = replace(training, event_weights=np.ones_like(training.event_weights))
    return alike.fit(PopularitySource, forever)


BASELINES: Final = (
    Baseline("popular", None, {}, lambda _: {}, _fit_popular),
    _alone(
        RECENT_POPULAR,
        PopularitySource,
        {"popularity_half_life_days": (0.5, 1.0, 3.0, 7.0, 14.0, 30.0)},
    ),
    _alone("own_items", OwnItemsSource, {"own_decay": (0.0, 0.2, 0.35, 0.5, 1.0, 2.0)}),
    _alone(
        "item_knn",
        ItemKnnSource,
        {
            "item_knn.saturation": (0.5, 1.2, 2.5, 8.0, 30.0),
            "item_knn.length_weight": (0.0, 0.3, 0.6, 0.9),
            "item_knn.norm_exponent": (0.0, 0.5, 0.75, 1.0),
            "item_knn.recency_half_life_events": (0.5, 1.0, 3.0, 12.0, 48.0),
        },
        fades_by="recency_half_life_events",
    ),
    _alone(
        "rp3beta",
        Rp3BetaSource,
        {
            "rp3beta.alpha": (0.2, 0.4, 0.6, 0.8, 1.0, 1.2),
            "rp3beta.beta": (0.0, 0.1, 0.2, 0.4, 0.6),
            "rp3beta.recency_half_life_events": (0.5, 1.0, 2.0, 8.0, 32.0),
        },
        fades_by="recency_half_life_events",
    ),
    _alone(
        "session_knn",
        SessionKnnSource,
        {
            "session_knn.half_life_days": (10.0, 30.0, 90.0, 365.0),
            "session_knn.neighbours": (100, 300, 1000),
            "session_knn.query_half_life_events": (0.7, 1.0, 1.4, 2.0, 6.0, 24.0),
            "session_knn.distance_half_life_steps": (0.7, 1.4, 3.0, 6.0),
        },
        fades_by="query_half_life_events",
    ),
    _alone(
        ALS,
        AlsSource,
        {
            "als.factors": (64, 128),
            "als.alpha": (1.0, 10.0, 40.0, 100.0, 500.0, 1000.0),
            "als.regularization": (1.0, 10.0, 100.0),
            "als.min_user_events": (1.0, 2.0),
            "als.recency_half_life_events": (1.0, 1.5, 3.0, 12.0, 48.0),
        },
        fades_by="recency_half_life_events",
        # Without lists of near items all items are looked at, and there is less to fit.
        fixed={"als.near_items": 0},
    ),
)
"""In the order of the scoreboard, which `ALS_TO_YETIRANK` ends."""


def recommend_alone(proposer: Proposer, histories: Histories, *, width: int) -> Recommendations:
    """Return the lists of one proposer, up to `width` long."""
    proposals = proposer.propose(histories, width)
    return from_ragged(proposals.ptr, proposals.item, width=width)
