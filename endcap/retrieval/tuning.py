"""What the sources are asked for, searched without fitting them anew.

How fast a history fades and how many candidates a source may give are read when a source is asked.
A trial asks the fitted sources with other values for the candidates of past moments; its score is
the share of the next items that is among them, less what it costs to have more candidates
than the defaults: more would always hold more, and every one of them is ranked.

Trials see the older moments; the newer ones decide between the best trial and the defaults, which
stay unless its gain, paired by moment, is past one standard error.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.queries import Queries
from endcap.retrieval.source import CandidateSource
from endcap.retrieval.union import propose_items, quota
from endcap.tuning.study import (
    Budget,
    Interval,
    Journal,
    Report,
    Space,
    Trial,
    best_of,
    run_study,
)

DECAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "als": {"recency_half_life_events": "half_life_events"},
    "covisitation": {"recency_half_life_events": "recency_half_life_events"},
    "sequential_rules": {"recency_half_life_events": "recency_half_life_events"},
    "session_knn": {
        "query_half_life_events": "query_half_life_events",
        "distance_half_life_steps": "distance_half_life_steps",
    },
    "item_knn": {"recency_half_life_events": "recency_half_life_events"},
    "rp3beta": {"recency_half_life_events": "recency_half_life_events"},
    "item_walk": {"recency_half_life_events": "recency_half_life_events"},
}
"""Source -> its setting -> the attribute of the fitted source that holds it.

Own items are left out, since few visitors have more than are proposed, whatever their order; so are
the sources whose few candidates are for variety, not for the next item.
"""
QUOTAS: Final = (
    "als",
    "covisitation",
    "sequential_rules",
    "session_knn",
    "item_knn",
    "rp3beta",
    "item_walk",
    "sequence",
    "category",
)
"""Sources whose quotas are searched."""
NEARBY: Final = frozenset({"als", "sequence"})
"""Sources that look for their best near what a visitor touched last."""
DECAY_FACTOR: Final = 4.0
QUOTA_FACTOR: Final = 2.0
"""How far from its default a value is searched, up and down."""
PARTS: Final = 3
"""A trial reports after each part of the moments."""
NEWEST_SHARE: Final = 0.4
MIN_QUERIES: Final = 100
"""With fewer moments the defaults stay untried."""


@dataclass(frozen=True)
class RetrievalTuning:
    """`config` to ask the sources with, and how that was decided.

    `default_held`, `best_held`: share of the newer moments' next items that is proposed, and
    `default_candidates`, `best_candidates` how many are proposed in the mean; `gain_error`: the
    standard error of the difference. All None if nothing was searched.
    """

    config: RetrievalConfig
    default_held: float | None = None
    best_held: float | None = None
    gain_error: float | None = None
    default_candidates: float | None = None
    best_candidates: float | None = None
    trials: tuple[Trial, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return what a run's report says of it."""
        chosen = "nothing searched"
        if self.default_held is not None and self.best_held is not None:
            gain = self.best_held - self.default_held
            chosen = "best trial" if gain > (self.gain_error or 0.0) else "defaults"
        return {"trials": len(self.trials), "asked_with": chosen}

    def to_json(self) -> str:
        """Return the result as JSON text, the same for the same result."""
        fields = {**asdict(self), "config": self.config.model_dump(mode="json")}
        return json.dumps(fields, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the result that `to_json` wrote."""
        parts = json.loads(text)
        parts["config"] = RetrievalConfig.model_validate(parts["config"])
        parts["trials"] = tuple(Trial.from_fields(trial) for trial in parts["trials"])
        return cls(**parts)


def with_settings(
    sources: Mapping[str, CandidateSource], config: RetrievalConfig
) -> dict[str, CandidateSource]:
    """Return fitted sources that let histories fade as `config` says, whatever they were fitted as.

    A source that does so already is returned as it is.
    """
    return {name: _with_decays(name, source, config) for name, source in sources.items()}


def tune_retrieval(
    sources: Mapping[str, CandidateSource],
    queries: Queries,
    *,
    config: RetrievalConfig,
    journal: Journal,
    budget: Budget,
    seed: int,
    clock: Callable[[], float],
) -> RetrievalTuning:
    """Search the decays and quotas of `sources` on `queries`, which lie after the sources' cut.

    With no trials or fewer than `MIN_QUERIES` moments the defaults come back untried.
    """
    if budget.trials == 0 or len(queries) < MIN_QUERIES:
        return RetrievalTuning(config)
    first_newer = len(queries) - round(NEWEST_SHARE * len(queries))
    older, newer = queries.slice(0, first_newer), queries.slice(first_newer, len(queries))
    space = _space(config, sources)
    bench = _Bench(sources, older, config)
    trials = run_study(
        space,
        bench.score,
        defaults={name: _get(config, name) for name in space},
        journal=journal,
        budget=budget,
        seed=seed,
        clock=clock,
    )
    best = _set(config, best_of(trials).params)
    ours, theirs = (ask(sources, newer, settings) for settings in (best, config))
    gains = ours.held - theirs.held
    error = float(gains.std() / np.sqrt(len(gains) - 1))
    return RetrievalTuning(
        best if gains.mean() > error else config,
        default_held=float(theirs.held.mean()),
        best_held=float(ours.held.mean()),
        gain_error=error,
        default_candidates=theirs.candidates,
        best_candidates=ours.candidates,
        trials=trials,
    )


@dataclass(frozen=True)
class Asked:
    """`held` float64 (n,): share of the next items proposed. `candidates`: how many, in mean."""

    held: NDArray[np.float64]
    candidates: float


def ask(sources: Mapping[str, CandidateSource], queries: Queries, config: RetrievalConfig) -> Asked:
    """Return what the sources hold for the next items when asked with these settings."""
    found = propose_items(with_settings(sources, config), queries.histories, config)
    item_bits = 32
    # In order: by visitor, and by item within each.
    proposed = (found.rows() << item_bits) | found.item
    query = np.repeat(np.arange(len(queries)), np.diff(queries.label_ptr))[queries.label_first]
    wanted = (query << item_bits) | queries.label_item[queries.label_first]
    at = np.searchsorted(proposed, wanted)
    is_held = np.append(proposed, -1)[at] == wanted
    held = np.bincount(query, is_held, len(queries)) / np.bincount(query, minlength=len(queries))
    return Asked(held, len(found.item) / max(len(queries), 1))


@dataclass
class _Bench:
    """Asks the sources for the same moments with the settings of one trial after the other."""

    sources: Mapping[str, CandidateSource]
    queries: Queries
    config: RetrievalConfig

    def __post_init__(self) -> None:
        bounds = np.linspace(0, len(self.queries), PARTS + 1).astype(int).tolist()
        self.parts = [self.queries.slice(low, high) for low, high in pairwise(bounds)]
        self.usual = [ask(self.sources, part, self.config).candidates for part in self.parts]

    def score(self, params: Mapping[str, float], report: Report) -> float | None:
        """Return the share of next items held, less the share of candidates above the usual."""
        config, scores = _set(self.config, params), []
        for step, (part, usual) in enumerate(zip(self.parts, self.usual, strict=True)):
            asked = ask(self.sources, part, config)
            excess = max(0.0, asked.candidates / max(usual, 1.0) - 1.0)
            scores.append(float(asked.held.mean()) - excess)
            if not report(step, float(np.mean(scores))):
                return None
        return float(np.mean(scores))


def _space(config: RetrievalConfig, sources: Mapping[str, CandidateSource]) -> Space:
    space = {}
    for source in (name for name in DECAYS if name in sources):
        for setting in DECAYS[source]:
            value = _get(config, f"{source}.{setting}")
            space[f"{source}.{setting}"] = Interval(
                value / DECAY_FACTOR, value * DECAY_FACTOR, is_log=True
            )
    for source in (name for name in QUOTAS if name in sources):
        now = quota(source, config)
        most = min(round(now * QUOTA_FACTOR), config.candidates_per_source)
        # More than its quota would make it look at all items instead of those near by.
        most = now if source in NEARBY and getattr(config, source).near_items else most
        least = max(1, round(now / QUOTA_FACTOR))
        space[f"quotas.{source}"] = Interval(least, max(most, now), is_whole=True)
    return space


def _get(config: RetrievalConfig, name: str) -> float:
    section, setting = name.split(".")
    if section == "quotas":
        return quota(setting, config)
    value: float = getattr(getattr(config, section), setting)
    return value


def _set(config: RetrievalConfig, params: Mapping[str, float]) -> RetrievalConfig:
    changes: dict[str, dict[str, Any]] = {}
    for name, value in params.items():
        section, setting = name.split(".")
        changes.setdefault(section, {})[setting] = value
    sections = {
        name: getattr(config, name).model_copy(update=change) for name, change in changes.items()
    }
    return config.model_copy(update=sections)


def _with_decays(name: str, source: CandidateSource, config: RetrievalConfig) -> CandidateSource:
    wanted = {
        attribute: getattr(getattr(config, name), setting)
        for setting, attribute in DECAYS.get(name, {}).items()
    }
    if all(getattr(source, attribute) == value for attribute, value in wanted.items()):
        return source
    changed: CandidateSource = replace(source, **wanted)  # type: ignore[type-var]
    return changed
